"""Speaking in an emotion: text input, prosody source, best of N takes, concatenation, and the verifier."""
