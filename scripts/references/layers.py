"""Writes test/nn/references/layers.json: layers and losses of PyTorch, with the gradients of inputs and parameters, in float64.

Run once:  pip install torch==2.15.0 && python scripts/references/layers.py

The loss is the sum of the output times weights, so that no gradient is 0 by symmetry. Inputs and parameters are of whole numbers over 16.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def numbers(shape, seed):
    count = 1
    for d in shape:
        count *= d
    return torch.tensor([((i * 37 + seed * 11) % 61 - 30) / 16 for i in range(count)]).reshape(shape)


def positive(shape, seed):
    return (numbers(shape, seed).abs() + 0.25) / 2.5


def plain(t):
    # Twelve digits: enough for float64 against another order of sums.
    if isinstance(t, (list, tuple)):
        return [plain(x) for x in t]
    return {"shape": list(t.shape), "values": [float(f"{x:.12g}") for x in t.detach().to(torch.float64).reshape(-1).tolist()]}


def weighted(y):
    flat = y.reshape(-1)
    return (flat * numbers([flat.numel()], 5)).sum()


def total(y):
    return sum((weighted(part) for part in y), torch.zeros(())) if isinstance(y, (list, tuple)) else weighted(y)


def fill(module):
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(numbers(parameter.shape, k + 3) / 2)


def outputs(y):
    return [part for part in y if part is not None] if isinstance(y, (list, tuple)) else [y]


def layer(name, module, inputs, run=None, **settings):
    """A module on float inputs: outputs, gradients of inputs and parameters, state before and buffers after."""
    fill(module)
    before = {key: plain(value) for key, value in module.state_dict().items()}
    xs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    ys = outputs(run(module, *xs) if run else module(*xs))
    total(ys).backward()
    return {
        "name": name,
        **settings,
        "state": before,
        "inputs": plain(list(inputs)),
        "outputs": plain(ys),
        "gradients": [plain(x.grad) for x in xs if x.requires_grad],
        "parameters": {key: plain(p.grad) for key, p in module.named_parameters() if p.grad is not None},
        "buffers": {key: plain(b) for key, b in module.named_buffers()},
    }


def normalizations():
    rows = []
    rows.append(layer("LayerNorm", nn.LayerNorm(5), [numbers([3, 5], 1)], arguments=[5]))
    rows.append(layer("LayerNorm", nn.LayerNorm([2, 3], eps=0.1, bias=False), [numbers([2, 2, 3], 2)],
                      arguments=[[2, 3], {"eps": 0.1, "bias": False}]))
    rows.append(layer("RMSNorm", nn.RMSNorm(4), [numbers([2, 3, 4], 1)], arguments=[4]))
    rows.append(layer("RMSNorm", nn.RMSNorm([3, 4], eps=0.01), [numbers([2, 3, 4], 3)], arguments=[[3, 4], {"eps": 0.01}]))
    rows.append(layer("GroupNorm", nn.GroupNorm(2, 6), [numbers([2, 6, 3], 1)], arguments=[2, 6]))
    rows.append(layer("GroupNorm", nn.GroupNorm(3, 6, eps=0.1), [numbers([2, 6, 2, 2], 4)], arguments=[3, 6, {"eps": 0.1}]))
    rows.append(layer("BatchNorm1d", nn.BatchNorm1d(3), [numbers([4, 3], 1)], arguments=[3]))
    rows.append(layer("BatchNorm1d", nn.BatchNorm1d(3, momentum=None), [numbers([2, 3, 4], 2)], arguments=[3, {"momentum": None}]))
    rows.append(layer("BatchNorm2d", nn.BatchNorm2d(2, eps=0.1, momentum=0.3), [numbers([2, 2, 3, 2], 1)],
                      arguments=[2, {"eps": 0.1, "momentum": 0.3}]))
    evaluated = nn.BatchNorm2d(2)
    evaluated.running_mean.copy_(torch.tensor([0.5, -1.0]))
    evaluated.running_var.copy_(torch.tensor([2.0, 0.5]))
    rows.append(layer("BatchNorm2d", evaluated.eval(), [numbers([2, 2, 2, 2], 3)], arguments=[2], eval=True))
    rows.append(layer("BatchNorm3d", nn.BatchNorm3d(2, track_running_stats=False, affine=False), [numbers([2, 2, 2, 2, 2], 3)],
                      arguments=[2, {"trackRunningStats": False, "affine": False}]))
    rows.append(layer("InstanceNorm1d", nn.InstanceNorm1d(3), [numbers([2, 3, 5], 1)], arguments=[3]))
    rows.append(layer("InstanceNorm2d", nn.InstanceNorm2d(2, affine=True, track_running_stats=True), [numbers([2, 2, 3, 3], 2)],
                      arguments=[2, {"affine": True, "trackRunningStats": True}]))
    rows.append(layer("InstanceNorm2d", nn.InstanceNorm2d(2, affine=True, track_running_stats=True).eval(), [numbers([2, 3, 3], 2)],
                      arguments=[2, {"affine": True, "trackRunningStats": True}], eval=True))
    embedding = nn.Embedding(5, 3, padding_idx=1, max_norm=1.0)
    rows.append(layer("Embedding", embedding, [torch.tensor([[0, 1], [4, 0]])], arguments=[5, 3, {"paddingIdx": 1, "maxNorm": 1.0}]))
    return rows


def recurrent():
    rows = []
    x = numbers([4, 2, 3], 1) / 2
    flat = lambda y: [part for each in y for part in (each if isinstance(each, tuple) else (each,))]
    rows.append(layer("RNN", nn.RNN(3, 2), [x], flat_call(flat), arguments=[3, 2]))
    rows.append(layer("RNN", nn.RNN(3, 2, nonlinearity="relu", bias=False, num_layers=2), [x, numbers([2, 2, 2], 7) / 2],
                      flat_call(flat), arguments=[3, 2, {"nonlinearity": "relu", "bias": False, "numLayers": 2}]))
    rows.append(layer("LSTM", nn.LSTM(3, 2), [x], flat_call(flat), arguments=[3, 2]))
    rows.append(layer("LSTM", nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True), [numbers([2, 4, 3], 1) / 2],
                      flat_call(flat), arguments=[3, 2, {"numLayers": 2, "bidirectional": True, "batchFirst": True}]))
    rows.append(layer("GRU", nn.GRU(3, 2, bidirectional=True), [x, numbers([2, 2, 2], 7) / 2], flat_call(flat),
                      arguments=[3, 2, {"bidirectional": True}]))
    rows.append(layer("GRU", nn.GRU(3, 2), [numbers([4, 3], 2)], flat_call(flat), arguments=[3, 2]))
    for name in ["RNN", "LSTM", "GRU"]:
        def packed(module, x):
            y, last = module(nn.utils.rnn.pack_padded_sequence(x, [2, 4], enforce_sorted=False))
            return flat((nn.utils.rnn.pad_packed_sequence(y, total_length=4)[0], last))
        rows.append(layer(name, getattr(nn, name)(3, 2, bidirectional=True), [x], packed, arguments=[3, 2, {"bidirectional": True}],
                          call={"before": [None], "options": {"lengths": [2, 4]}}))
    rows.append(layer("RNNCell", nn.RNNCell(3, 2), [x[0], numbers([2, 2], 7)], arguments=[3, 2]))
    rows.append(layer("GRUCell", nn.GRUCell(3, 2, bias=False), [x[0]], arguments=[3, 2, {"bias": False}]))
    rows.append(layer("LSTMCell", nn.LSTMCell(3, 2), [x[0]], arguments=[3, 2]))
    return rows


def transformers():
    rows = []
    q, k, v = numbers([3, 2, 6], 1) / 2, numbers([4, 2, 6], 2) / 2, numbers([4, 2, 6], 3) / 2
    hidden = torch.tensor([[False, True, False, False], [False, False, False, True]])
    among = torch.tensor([[False, True, False, True], [False, False, True, False], [True, False, False, False]])
    rows.append(layer("MultiheadAttention", nn.MultiheadAttention(6, 2), [q, k, v], arguments=[6, 2]))
    rows.append(layer("MultiheadAttention", nn.MultiheadAttention(6, 3, bias=False, kdim=5, vdim=2, batch_first=True),
                      [numbers([2, 3, 6], 1), numbers([2, 4, 5], 2), numbers([2, 4, 2], 3)],
                      arguments=[6, 3, {"bias": False, "kdim": 5, "vdim": 2, "batchFirst": True}]))
    rows.append(layer("MultiheadAttention", nn.MultiheadAttention(6, 2), [q[:, 0], k[:, 0], v[:, 0]], arguments=[6, 2]))
    rows.append(layer("MultiheadAttention", nn.MultiheadAttention(6, 2), [q, k, v],
                      lambda m, q, k, v: m(q, k, v, key_padding_mask=hidden, attn_mask=among, average_attn_weights=False),
                      arguments=[6, 2], call={"options": {"averageAttnWeights": False},
                                              "masks": {"keyPaddingMask": plain(hidden), "attnMask": plain(among)}}))
    later = torch.triu(torch.ones(4, 4), 1) > 0
    rows.append(layer("MultiheadAttention", nn.MultiheadAttention(6, 2), [k, k * 0.5, v],
                      lambda m, q, k, v: m(q, k, v, attn_mask=later, need_weights=False)[:1],
                      arguments=[6, 2], call={"options": {"isCausal": True, "needWeights": False}}))
    small = {"dim_feedforward": 5, "dropout": 0.0}
    mine = {"dimFeedforward": 5, "dropout": 0}
    rows.append(layer("TransformerEncoderLayer", nn.TransformerEncoderLayer(6, 2, **small), [k], arguments=[6, 2, mine]))
    rows.append(layer("TransformerEncoderLayer",
                      nn.TransformerEncoderLayer(6, 3, **small, activation="gelu", norm_first=True, batch_first=True, layer_norm_eps=0.01), [numbers([2, 4, 6], 2)],
                      lambda m, x: m(x, src_mask=later, src_key_padding_mask=hidden & torch.tensor([False, True, True, True])),
                      arguments=[6, 3, {**mine, "activation": "gelu", "normFirst": True, "batchFirst": True, "layerNormEps": 0.01}],
                      call={"options": {"isCausal": True}, "masks": {"srcKeyPaddingMask": plain(hidden & torch.tensor([False, True, True, True]))}}))
    rows.append(layer("TransformerEncoderLayer", nn.TransformerEncoderLayer(6, 2, **small, bias=False), [k[:, 0]], arguments=[6, 2, {**mine, "bias": False}]))
    rows.append(layer("TransformerDecoderLayer", nn.TransformerDecoderLayer(6, 2, **small), [q, k], arguments=[6, 2, mine]))
    rows.append(layer("TransformerDecoderLayer", nn.TransformerDecoderLayer(6, 2, **small, norm_first=True), [q, k],
                      lambda m, x, y: m(x, y, tgt_mask=later[:3, :3], memory_mask=among, memory_key_padding_mask=hidden),
                      arguments=[6, 2, {**mine, "normFirst": True}],
                      call={"options": {"tgtIsCausal": True}, "masks": {"memoryMask": plain(among), "memoryKeyPaddingMask": plain(hidden)}}))
    # Positions that are learned: rows of an Embedding.
    rows.append(layer("LearnedPositionalEncoding", nn.Embedding(5, 6), [q], lambda m, x: x + m(torch.arange(3)).unsqueeze(1),
                      arguments=[5, 6, {"dropout": 0}]))
    rows.append(layer("LearnedPositionalEncoding", nn.Embedding(4, 6), [numbers([2, 4, 6], 2)], lambda m, x: x + m(torch.arange(4)),
                      arguments=[4, 6, {"dropout": 0, "batchFirst": True}]))
    return rows


def flat_call(flat):
    return lambda module, *inputs: flat(module(*inputs))


def losses():
    x, t = numbers([3, 4], 1), numbers([3, 4], 2)
    p, q = positive([3, 4], 1), positive([3, 4], 2)
    signs = numbers([3, 4], 3).sign() + (numbers([3, 4], 3) == 0)
    labels = torch.tensor([2, 0, 3])
    weight = positive([4], 6)
    side = torch.tensor([1.0, -1.0, 1.0])
    rows = []

    # What PyTorch has no derivative for.
    constants = {"softMarginLoss": [1], "multiLabelSoftMarginLoss": [1], "hingeEmbeddingLoss": [1], "marginRankingLoss": [2],
                 "cosineEmbeddingLoss": [2]}

    def loss(name, torch_loss, inputs, options=None, **settings):
        for reduction in ["mean", "sum", "none"]:
            xs = [v.clone().requires_grad_(v.is_floating_point() and i not in constants.get(name, [])) for i, v in enumerate(inputs)]
            y = torch_loss(*xs, reduction=reduction, **settings)
            weighted(y).backward()
            given = {**(options or {}), "reduction": reduction}
            given = {key: v.tolist() if isinstance(v, torch.Tensor) else v for key, v in given.items()}
            rows.append({"name": name, "inputs": plain(list(inputs)), "ints": [not v.is_floating_point() for v in inputs], "options": given,
                         "output": plain(y), "gradients": [plain(v.grad) if v.grad is not None else None for v in xs]})

    loss("mseLoss", F.mse_loss, [x, t])
    loss("l1Loss", F.l1_loss, [x, t])
    loss("smoothL1Loss", F.smooth_l1_loss, [x, t])
    loss("smoothL1Loss", F.smooth_l1_loss, [x, t], {"beta": 0.5}, beta=0.5)
    loss("smoothL1Loss", F.smooth_l1_loss, [x, t], {"beta": 0}, beta=0.0)
    loss("huberLoss", F.huber_loss, [x, t], {"delta": 0.7}, delta=0.7)
    loss("bceLoss", F.binary_cross_entropy, [p, q])
    loss("bceLoss", F.binary_cross_entropy, [p, q], {"weight": weight}, weight=weight)
    loss("bceWithLogits", F.binary_cross_entropy_with_logits, [x, q], {"posWeight": weight}, pos_weight=weight)
    loss("klDiv", F.kl_div, [x, q])
    loss("poissonNllLoss", F.poisson_nll_loss, [x, t.abs() * 4], {"full": True}, full=True)
    loss("poissonNllLoss", F.poisson_nll_loss, [p, t.abs() * 4], {"logInput": False, "eps": 0.01}, log_input=False, eps=0.01)
    loss("gaussianNllLoss", F.gaussian_nll_loss, [x, t, p])
    loss("gaussianNllLoss", F.gaussian_nll_loss, [x, t, p[:, :1]], {"full": True, "eps": 0.3}, full=True, eps=0.3)
    loss("crossEntropy", F.cross_entropy, [x, labels], {"weight": weight, "labelSmoothing": 0.2}, weight=weight, label_smoothing=0.2)
    loss("crossEntropy", F.cross_entropy, [x, labels], {"ignoreIndex": 0}, ignore_index=0)
    loss("nllLoss", F.nll_loss, [x, labels], {"weight": weight}, weight=weight)
    loss("marginRankingLoss", F.margin_ranking_loss, [x[:, 0], t[:, 0], side], {"margin": 0.5}, margin=0.5)
    loss("hingeEmbeddingLoss", F.hinge_embedding_loss, [x, signs], {"margin": 0.5}, margin=0.5)
    loss("cosineEmbeddingLoss", F.cosine_embedding_loss, [x, t, side], {"margin": -0.5}, margin=-0.5)
    loss("tripletMarginLoss", F.triplet_margin_loss, [x, t, numbers([3, 4], 9)])
    loss("tripletMarginLoss", F.triplet_margin_loss, [x, t, numbers([3, 4], 9)], {"p": 3, "margin": 4, "swap": True}, p=3, margin=4.0, swap=True)
    loss("softMarginLoss", F.soft_margin_loss, [x, signs])
    loss("multiLabelSoftMarginLoss", F.multilabel_soft_margin_loss, [x, (signs + 1) / 2], {"weight": weight}, weight=weight)
    loss("multiMarginLoss", F.multi_margin_loss, [x, labels])
    loss("multiMarginLoss", F.multi_margin_loss, [x, labels], {"p": 2, "margin": 0.5, "weight": weight}, p=2, margin=0.5, weight=weight)
    return rows


def attention():
    """Of the function: outputs, and gradients of queries, keys, values and the mask."""
    rows = []
    q, k, v = numbers([2, 3, 4], 1), numbers([2, 5, 4], 2), numbers([2, 5, 3], 3)
    seen = torch.tensor([[True, False, True, True, False], [False, True, False, False, False], [True] * 5])
    for options, given in [({}, {}), ({"isCausal": True}, {"is_causal": True}), ({"scale": 0.3}, {"scale": 0.3}),
                           ({}, {"attn_mask": seen}), ({}, {"attn_mask": numbers([2, 3, 5], 7)})]:
        xs = [x.clone().requires_grad_(True) for x in (q, k, v)]
        y = F.scaled_dot_product_attention(*xs, **given)
        weighted(y).backward()
        mask = given.get("attn_mask")
        rows.append({"options": options, "inputs": plain([q, k, v]), "output": plain(y), "gradients": [plain(x.grad) for x in xs],
                     "mask": None if mask is None else plain(mask), "bool": mask is not None and mask.dtype == torch.bool})
    return rows


def main():
    folder = pathlib.Path(__file__).parents[2] / "test" / "nn" / "references"
    folder.mkdir(exist_ok=True)
    tables = {"layers": normalizations() + recurrent() + transformers(), "losses": losses(), "attention": attention()}
    (folder / "layers.json").write_text(json.dumps(tables, separators=(",", ":")) + "\n")


main()
