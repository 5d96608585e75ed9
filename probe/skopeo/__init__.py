"""skopeo beside the native reader: run it bounded in time, bytes and space, and read what it (or buildah, podman) says.

`messages.parse_messages` takes standard error apart and needs no Linux; `inspect.inspect_with_skopeo` asks the real
program about an image that was read natively before.
"""
