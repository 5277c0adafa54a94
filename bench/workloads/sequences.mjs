export const sequences = [];
