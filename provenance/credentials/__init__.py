"""Content credentials (C2PA) as they lie in files.

manifest      signed and read with c2pa-python
ingredients   what an output was made of
elsewhere     sidecars and addresses
boxes, jumbf  where they lie in an mp4; what a store consists of
cose          what stands beside a signature; stapling: what it carries about revocation
"""
