/** `nn.functional`: the functions of layers and the losses under one roof, as torch.nn.functional has them. They are the library's own. */
export {
  elu,
  gelu,
  hardSwish,
  leakyRelu,
  logSigmoid,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "../ops/elementwise.js";
export { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "../ops/convolution.js";
export { embedding, oneHot } from "../ops/index.js";
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  fold,
  interpolate,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  unfold,
} from "../ops/pooling.js";
export { logSoftmax, softmax } from "../ops/reduce.js";
export { pad } from "../ops/shape.js";
export { crossEntropy, nllLoss } from "./classification.js";
export { scaledDotProductAttention } from "./attention.js";
export { alphaDropout, dropout, dropout1d, dropout2d, dropout3d } from "./dropout.js";
export { bceLoss, gaussianNllLoss, poissonNllLoss } from "./likelihoods.js";
export { bceWithLogits, cosineSimilarity, huberLoss, klDiv, l1Loss, mseLoss, smoothL1Loss } from "./losses.js";
export {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  multiLabelSoftMarginLoss,
  multiMarginLoss,
  softMarginLoss,
  tripletMarginLoss,
} from "./margins.js";
export { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "./normalize.js";
