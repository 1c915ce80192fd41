# SPDX-License-Identifier: LGPL-2.1-or-later
# compare_cells.py: the lease table, Azurite and our stores, cell by cell.
#
# Usage: compare_cells.py DATA-FOLDER FILE-COMMAND AZURE-COMMAND
#
# The commands print one status per cell (table-cells.c). What the table says
# has to be what the file store says. Azurite and the Azure store may differ
# from it where azurite-deviations.tsv says how; a deviation that is listed has
# to be there, so that the list stays true.

import subprocess
import sys

import blob_service
import lease_cells

# What our stores call the service's errors: the code's beginning, our words.
WORDS = [("LeaseAlreadyPresent", "leased under another ID"),
         ("LeaseIdMismatch", "lease ID is not the current one"),
         ("LeaseNotPresent", "no lease"),
         ("LeaseLost", "lease expired or broken"),
         ("LeaseIdMissing", "leased, and no lease ID given"),
         ("LeaseIsBreaking", "lease is being broken"),
         ("LeaseIsBroken", "lease is broken")]
UNDECIDED = "?"  # the table knows the status only
UNKNOWN = "n/a"  # not even that


def read_table(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file
                 if not line.startswith("#")]
    return lines[1:]


def word_for(code):
    if code == "":
        return "done"
    return next(word for start, word in WORDS if code.startswith(start))


def fits(word, code):
    """Is this our word for the code? The table leaves some codes open."""
    if word == "-":
        return True  # the stores' contract has no such operation
    if code == UNDECIDED:
        return word in [word for _, word in WORDS]
    return word == word_for(code)


def check_cell(row, azurite, words, deviations):
    """What is wrong with this cell, in words; empty if nothing is."""
    kind, state, operation, with_id, status, code = row
    if status.startswith(UNKNOWN):
        return [] if azurite[0] < 500 else [f"Azurite fails: {azurite[0]}"]
    wrong = []
    if not fits(words[0], code):
        wrong.append("the file store says something else")
    documented = (status, azurite[1] if code == UNDECIDED else code)
    got = (str(azurite[0]), azurite[1])
    deviation = deviations.pop((kind, state, operation, with_id), None)
    if deviation is None:
        if got != documented:
            wrong.append("Azurite deviates, and the list does not say so")
        if not fits(words[1], code):
            wrong.append("the Azure store says something else")
    else:
        if got == documented:
            wrong.append("Azurite does not deviate any more")
        elif got != (deviation[1], deviation[0]):
            wrong.append("Azurite deviates in another way than listed")
        if not fits(words[1], deviation[0]):
            wrong.append("the Azure store does not say what Azurite says")
    return wrong


def main():
    folder, *commands = sys.argv[1:]
    rows = read_table(f"{folder}/lease-table.tsv")
    listed = read_table(f"{folder}/azurite-deviations.tsv")
    deviations = {tuple(row[:4]): row[4:] for row in listed}
    assert len(deviations) == len(listed), "a deviation is listed twice"

    running = [subprocess.Popen(command.split(), stdout=subprocess.PIPE,
                                text=True) for command in commands]
    azurite = lease_cells.run_cells(blob_service.environment_service(), rows)
    stores = []
    for process in running:
        stores.append(process.communicate()[0].splitlines())
        assert process.returncode == 0, process.args
        assert len(stores[-1]) == len(rows), process.args

    wrong_cells = 0
    print("state, operation, lease ID | documented | Azurite | file | azure")
    for row, answer, *words in zip(rows, azurite, *stores):
        wrong = check_cell(row, answer, words, deviations)
        wrong_cells += bool(wrong)
        print(f"{row[1]}, {row[2]}, {row[3]} | {row[4]} {row[5]} | "
              f"{answer[0]} {answer[1]} | {' | '.join(words)}"
              f"{' <-- ' if wrong else ''}{'; '.join(wrong)}")
    for cell in deviations:
        print(f"the list has a cell that the table has not: {cell}")
    print(f"{len(rows)} cells, {len(listed)} listed deviations, "
          f"{wrong_cells} wrong")
    sys.exit(1 if wrong_cells or deviations else 0)


if __name__ == "__main__":
    main()
