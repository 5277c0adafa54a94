// Written by the build; the type check does not wait for it.
export declare const base64: string;
