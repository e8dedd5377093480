"""Whose word counts: the folder of keys and what is in it.

keys, generations   signing keys by generation, certificates, watermark keys
certificates        an authority for development; revocation: lists and answers; timestamps: of an authority
signers             who holds the private key
consent             who may be shown, for what, until when, signed
"""
