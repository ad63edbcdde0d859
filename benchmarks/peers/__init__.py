"""The same model behind other servers. Each file runs in an environment of its own, which has no Sightloop."""
