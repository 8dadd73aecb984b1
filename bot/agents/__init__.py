"""The agents: one loop, roles as data, tools, the model adapter, the replay provider, the patch screen."""
