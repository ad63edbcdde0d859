"""Readers of media: each turns one kind of content into a picture, facts about it, and its values."""
