"""Image containers read natively: references, tar walk, manifests, verification. Nothing is unpacked or written.

`parse_reference` reads what skopeo reads on its command line; `inspect_image` turns an open descriptor into
`ImageFacts`. Import them from their modules: `reference` works on any machine, the readers want a POSIX system.
"""
