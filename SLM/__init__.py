"""The SLM: a sentence in, an intent and an action out; the pipeline that makes the model which the kernel runs.

data → tokenizer → model → train → evaluate → quantize → export → integrate. `python -m SLM --help` lists the verbs.
It knows nothing of the bot: whoever wants it calls its commands and reads the JSON they print.
"""
