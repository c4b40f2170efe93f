"""What layers are called."""

NAMES = (
    "fc1.weight",
    "fc10.weight",
    "fc2.weight",
    "features.0.weight",
    "features.1.weight",
    "features.10.weight",
    "features.1.0.weight",
    "classifier.1.weight",
    "layer1.0.conv1.weight",
    "layer1.0.conv2.weight",
    "layer1.1.conv1.weight",
    "layer2.0.conv1.weight",
    "layer2.0.shortcut.0.weight",
    "a.b_c.weight",
    "a_b.c.weight",
    "A.b.c.weight",
    "encoder.layers.encoder_layer_0.self_attention.out_proj.weight",
    "encoder.layers.encoder_layer_0.self_attention.in_proj.weight",
    "encoder.layers.encoder_layer_1.self_attention.out_proj.weight",
    "decoder.layers.encoder_layer_0.self_attention.out_proj.weight",
    "cell.h.weight",
    "cell.w.weight",
    "head",
    "weight",
)
"""Names that layers have: some begin alike, end alike, or are alike but for dots, case or one character.

``rstrip(".weight")`` strips letters and not an ending, so it leaves the two of ``cell`` alike.
"""

LAYERS = tuple(f"layers.{number}.weight" for number in range(150))
"""Names of the layers of a network that has many: ResNet-152 has as many."""
