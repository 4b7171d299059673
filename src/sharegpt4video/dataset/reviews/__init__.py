"""Reviews: what people change in captions, kept beside them and laid over them wherever captions are read.

    desk = Desk(store)
    desk.add(caption_id, step=2, was="A man runs.", text="A woman runs.", author="ada")   # Stale if it reads otherwise
    desk.one(caption_id)                    # the caption as it reads now, the original, its reviews and conflicts
    change = Replace("colour", "color")
    preview(store, change)                  # how many texts, and ten of them before and after
    batch = apply(store, change, author="ada")
    undo(store, batch.id, author="ada")

A review is a row of the table ``reviews`` (``rows.Review``). Rows are only ever added: taking something back adds one
more. Adding needs no lock, so people review while a build runs. ``Store.batches("captions")`` and all that is built on
it give the texts with the reviews applied; ``original=True`` gives them as the model wrote them.

Which text a caption has, where two people, or a person and a repair, wrote the same one: see ``resolve``. How rows
are written so that none is lost: see ``table``. Bulk changes: ``bulk``. Plain ``.txt`` captions: ``texts``.
"""
