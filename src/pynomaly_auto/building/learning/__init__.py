"""Learning from what was measured: the models of a knowledge base, judged on groups that were held out."""
