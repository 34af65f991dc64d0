"""OpenAI-compatible endpoints: settings, connections, pace, budgets, prices, recorded replies. `providers` makes a model of one."""
