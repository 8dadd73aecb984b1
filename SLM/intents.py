"""The six intents and NONE, and the special tokens of the vocabulary: their order here is their id.

The order is part of the model file's format; kernels/core/slm reads the ids from the GGUF, not from this list.
"""

INTENTS = ("HARDWARE_IDENTIFY", "DRIVER_SELECT", "INSTALL_CONFIGURE", "APP_INSTALL",
           "SYSTEM_MANAGE", "TROUBLESHOOT", "NONE")

UNK, BOS, EOS, ASK = 0, 1, 2, 3
FIRST_INTENT = 4
SPECIAL = ["<unk>", "<s>", "</s>", "<|intent|>", *(f"<|{name}|>" for name in INTENTS)]
INTENT_IDS = list(range(FIRST_INTENT, FIRST_INTENT + len(INTENTS)))
FIRST_BYTE = len(SPECIAL)
"""The 256 byte tokens <0x00> … <0xFF> follow the special tokens."""
