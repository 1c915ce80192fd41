/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status.c: what the looks of status, at a store or by a server, share. */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

bool
cli_status_is_news(struct cli_status *status, const json_t *state)
{
  json_t *lasting = json_deep_copy(state);
  bool news;

  json_object_del(lasting, "etag");
  json_object_del(json_object_get(lasting, "lease"), "expires_in");
  news = lasting == NULL || !json_equal(lasting, status->shown);
  json_decref(status->shown);
  status->shown = lasting;
  return news;
}

void
cli_status_print(const struct cli *cli, const json_t *state)
{
  bool line = cli->options[OPTION_WATCH] != NULL;
  char *text = json_dumps(state, line ? JSON_COMPACT : JSON_INDENT(2));

  if (text != NULL)
    printf("%s\n", text);
  free(text);
}
