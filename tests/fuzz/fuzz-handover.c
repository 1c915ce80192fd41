/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-handover.c: any bytes as the JSON of a request to hand a volume over,
 * and as a frame that asks for it.
 */
#include "fuzz.h"

#include "lease/handover-frame.h"
#include "leasehold/handover.h"

const char fuzz_name[] = "handover";

static void
as_json(const uint8_t *data, size_t size)
{
  struct handover_request request, again;
  struct error err = ERROR_INIT;
  char *text = fuzz_string(data, size), *written;
  int r = handover_decode(text, size, "NAME", &request, &err);

  if (r != 0) {
    if (r != STATUS_CORRUPT || strncmp(err.text, "NAME: ", 6) != 0)
      abort();
    fuzz_check_text(err.text);
  } else {
    /* What is taken is written again, and is the same then. */
    if (handover_encode(&request, &written, &err) != 0 ||
        handover_decode(written, strlen(written), "NAME", &again, &err) != 0 ||
        memcmp(&request, &again, sizeof request) != 0)
      abort();
    free(written);
  }
  free(text);
}

static void
as_frame(const uint8_t *data, size_t size)
{
  uint8_t cdb[SCSI_CDB_MAX], list[HANDOVER_LIST_MAX];
  struct handover_frame frame, again;
  uint8_t *bytes;

  if (size < SCSI_CDB_MAX)
    return;
  /* A copy of its own, so that a byte too far is seen. */
  bytes = malloc(size - SCSI_CDB_MAX + 1);
  memcpy(bytes, data + SCSI_CDB_MAX, size - SCSI_CDB_MAX);
  if (handover_frame_decode(data, bytes, size - SCSI_CDB_MAX, "node-a", &frame)
          .status == SCSI_GOOD) {
    size_t length = handover_frame_encode(&frame, cdb, list);

    if (handover_frame_decode(cdb, list, length, "node-a", &again).status !=
            SCSI_GOOD ||
        memcmp(&frame, &again, sizeof frame) != 0)
      abort();
  }
  free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  as_json(data, size);
  as_frame(data, size);
  return 0;
}
