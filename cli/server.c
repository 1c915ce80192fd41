/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server.c: a server as the way to a volume: --server.
 *
 * The URI names the server, and the verb's operand the volume, so an export is
 * put into the URI where its path is. Nothing but NBD is spoken: the store's
 * credentials stay with the server.
 */
#include "config.h"

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leasehold/control.h"
#include "utils/printable.h"
#include "utils/strbuf.h"

#define URI_MAX 4096

#ifdef HAVE_LIBNBD

#include <libnbd.h>

/* The status export's text. */
#define STATUS_TEXT_MAX (1 << 20)

/* scheme://AUTHORITY[/][?QUERY], with the export after the slash. */
static enum cli_exit
put_export(const struct cli *cli, const char *export, struct strbuf *out)
{
  const char *uri = cli->options[OPTION_SERVER], *rest, *path;
  struct printable shown;

  rest = strstr(uri, "://");
  if (rest == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "--server %s: not an NBD URI such as nbd://HOST or "
                    "nbd+unix:///?socket=PATH",
                    printable(&shown, uri, strlen(uri)));
  path = rest + 3 + strcspn(rest + 3, "/?");
  rest = path + (*path == '/');
  if (*rest != '\0' && *rest != '?')
    return cli_fail(cli, CLI_USAGE,
                    "--server %s: it must not name an export, VOLUME does",
                    printable(&shown, uri, strlen(uri)));
  if (strbuf_add(out, uri, (size_t)(path - uri)) != 0 ||
      strbuf_printf(out, "/%s%s", export, rest) != 0)
    return cli_fail(cli, CLI_USAGE, "--server: the URI is too long");
  return CLI_DONE;
}

static enum cli_exit
fail_nbd(const struct cli *cli, const char *what)
{
  struct printable shown;
  const char *error = nbd_get_error();

  if (error == NULL)
    error = "unknown error";
  return cli_fail(cli, CLI_FAILED, "%s: %s: %s", cli->operands[0], what,
                  printable(&shown, error, strlen(error)));
}

static enum cli_exit
connect_to(const struct cli *cli, const char *export, struct nbd_handle **out)
{
  CLEANUP_STRBUF struct strbuf uri = STRBUF_INIT(URI_MAX);
  enum cli_exit code = put_export(cli, export, &uri);

  if (code != CLI_DONE)
    return code;
  *out = nbd_create();
  if (*out == NULL)
    return fail_nbd(cli, "libnbd");
  /* The URI is the user's own: it may name a file with a TLS key. */
  if (nbd_set_uri_allow_local_file(*out, true) != 0 ||
      nbd_set_strict_mode(*out, nbd_get_strict_mode(*out) &
                                    ~(unsigned)LIBNBD_STRICT_ALIGN) != 0 ||
      nbd_connect_uri(*out, uri.text) != 0) {
    code = fail_nbd(cli, "the server has no such export, or is not there");
    nbd_close(*out);
    *out = NULL;
  }
  return code;
}

enum cli_exit
cli_server_run(struct cli *cli, const char *node, const uint8_t *frame,
               size_t length, uint8_t *reply)
{
  char export[VOLUME_NAME_MAX + NODE_NAME_MAX + sizeof "@/reservation"];
  struct nbd_handle *nbd = NULL;
  enum cli_exit code;

  snprintf(export, sizeof export, "%s@%s/reservation", cli->operands[0], node);
  code = connect_to(cli, export, &nbd);
  if (code != CLI_DONE)
    return code;
  if (nbd_pwrite(nbd, frame, length, 0, 0) != 0)
    code = fail_nbd(cli, "a command could not be sent");
  else if (nbd_get_size(nbd) < CONTROL_SIZE ||
           nbd_pread(nbd, reply, CONTROL_SIZE, 0, 0) != 0)
    code = fail_nbd(cli, "the command's reply could not be read");
  nbd_shutdown(nbd, 0);
  nbd_close(nbd);
  return code;
}

enum cli_exit
cli_server_status(struct cli *cli)
{
  char export[VOLUME_NAME_MAX + sizeof "@/status"];
  struct nbd_handle *nbd = NULL;
  char *text = NULL;
  int64_t size;
  enum cli_exit code;

  snprintf(export, sizeof export, "%s@/status", cli->operands[0]);
  code = connect_to(cli, export, &nbd);
  if (code != CLI_DONE)
    return code;
  size = nbd_get_size(nbd);
  if (size > 0 && size <= STATUS_TEXT_MAX)
    text = malloc((size_t)size);
  if (text == NULL || nbd_pread(nbd, text, (size_t)size, 0, 0) != 0)
    code = fail_nbd(cli, "the status could not be read");
  else
    fwrite(text, 1, (size_t)size, stdout);
  free(text);
  nbd_shutdown(nbd, 0);
  nbd_close(nbd);
  return code;
}

#else

static enum cli_exit
fail_without_libnbd(const struct cli *cli)
{
  return cli_fail(cli, CLI_FAILED,
                  "--server: this program was built without libnbd");
}

enum cli_exit
cli_server_run(struct cli *cli, const char *node, const uint8_t *frame,
               size_t length, uint8_t *reply)
{
  (void)node;
  (void)frame;
  (void)length;
  (void)reply;
  return fail_without_libnbd(cli);
}

enum cli_exit
cli_server_status(struct cli *cli)
{
  return fail_without_libnbd(cli);
}

#endif
