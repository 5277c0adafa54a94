/** `ad.distributions`: log probabilities, draws, moments and divergences, with their derivatives. */
export { Distribution } from "./distribution.js";
export { Bernoulli, Categorical, type ClassOptions } from "./classes.js";
export { Exponential, Laplace } from "./exponential.js";
export { Beta, Dirichlet, Gamma } from "./gamma.js";
export { kl, registerKl, type Family } from "./kl.js";
export { MultivariateNormal, type MultivariateNormalOptions } from "./multivariate-normal.js";
export { LogNormal, Normal } from "./normal.js";
export { Poisson } from "./poisson.js";
export { StudentT } from "./student.js";
export { Uniform } from "./uniform.js";
