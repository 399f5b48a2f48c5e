"""Twitch: live chat over IRC, chat of past broadcasts from downloaded JSON, and the emotes of both."""
