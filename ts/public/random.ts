/** `ad.random`: draws and keys; the implicit key of nn is not part of it. */
export { key, split, uniform, normal, truncatedNormal, bernoulli, randint, permutation, categorical, gumbel, exponential, gamma } from "../random.js";
