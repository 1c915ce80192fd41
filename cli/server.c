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

/* A text export's length. */
#define TEXT_MAX (8 << 20)

/* Where the path of the URI begins; NULL: it is no URI. */
static const char *
path_of(const char *uri)
{
  const char *rest = strstr(uri, "://");

  return rest != NULL ? rest + 3 + strcspn(rest + 3, "/?") : NULL;
}

enum cli_exit
cli_check_server(const struct cli *cli)
{
  const char *uri = cli->options[OPTION_SERVER], *path = path_of(uri);
  struct printable shown;

  if (path == NULL)
    return cli_fail(cli, CLI_USAGE,
                    "--server %s: not an NBD URI such as nbd://HOST or "
                    "nbd+unix:///?socket=PATH",
                    printable(&shown, uri, strlen(uri)));
  path += *path == '/';
  if (*path != '\0' && *path != '?')
    return cli_fail(cli, CLI_USAGE,
                    "--server %s: it must not name an export, VOLUME does",
                    printable(&shown, uri, strlen(uri)));
  return CLI_DONE;
}

static int
fail_nbd(const struct cli *cli, const char *what, struct error *err)
{
  struct printable shown;
  const char *error = nbd_get_error();

  if (error == NULL)
    error = "unknown error";
  return error_set(err, STATUS_TRANSIENT, "%s: %s: %s", cli->operands[0], what,
                   printable(&shown, error, strlen(error)));
}

/* The URI has been checked: scheme://AUTHORITY[/][?QUERY]. The export comes
 * after the slash.
 */
static int
connect_to(const struct cli *cli, const char *export, struct nbd_handle **out,
           struct error *err)
{
  CLEANUP_STRBUF struct strbuf full = STRBUF_INIT(URI_MAX);
  const char *uri = cli->options[OPTION_SERVER], *path = path_of(uri);
  struct nbd_handle *nbd;

  if (strbuf_add(&full, uri, (size_t)(path - uri)) != 0 ||
      strbuf_printf(&full, "/%s%s", export, path + (*path == '/')) != 0)
    return error_set(err, STATUS_INVALID, "--server: the URI is too long");
  nbd = nbd_create();
  if (nbd == NULL)
    return fail_nbd(cli, "libnbd", err);
  /* The URI is the user's own: it may name a file with a TLS key. */
  if (nbd_set_uri_allow_local_file(nbd, true) != 0 ||
      nbd_set_strict_mode(nbd, nbd_get_strict_mode(nbd) &
                                   ~(unsigned)LIBNBD_STRICT_ALIGN) != 0 ||
      nbd_connect_uri(nbd, full.text) != 0) {
    fail_nbd(cli, "the server has no such export, or is not there", err);
    nbd_close(nbd);
    return err->status;
  }
  *out = nbd;
  return 0;
}

enum cli_exit
cli_run_frame(struct cli *cli, const char *node, const uint8_t *frame,
              size_t length, uint8_t *reply)
{
  char export[VOLUME_NAME_MAX + NODE_NAME_MAX + sizeof "@/reservation"];
  struct nbd_handle *nbd = NULL;
  struct error err = ERROR_INIT;
  enum cli_exit code = cli_check_server(cli);

  if (code != CLI_DONE)
    return code;
  snprintf(export, sizeof export, "%s@%s/reservation", cli->operands[0], node);
  if (connect_to(cli, export, &nbd, &err) != 0)
    return cli_fail_with(cli, &err);
  if (nbd_pwrite(nbd, frame, length, 0, 0) != 0)
    fail_nbd(cli, "a command could not be sent", &err);
  else if (nbd_get_size(nbd) < CONTROL_SIZE ||
           nbd_pread(nbd, reply, CONTROL_SIZE, 0, 0) != 0)
    fail_nbd(cli, "the command's reply could not be read", &err);
  nbd_shutdown(nbd, 0);
  nbd_close(nbd);
  return err.status == 0 ? CLI_DONE : cli_fail_with(cli, &err);
}

int
cli_server_text(const struct cli *cli, const char *what, char **text,
                struct error *err)
{
  char export[VOLUME_NAME_MAX + 16];
  struct nbd_handle *nbd = NULL;
  int64_t size;
  int r;

  snprintf(export, sizeof export, "%s@/%s", cli->operands[0], what);
  r = connect_to(cli, export, &nbd, err);
  if (r != 0)
    return r;
  size = nbd_get_size(nbd);
  *text = size >= 0 && size <= TEXT_MAX ? calloc(1, (size_t)size + 1) : NULL;
  if (*text == NULL ||
      (size > 0 && nbd_pread(nbd, *text, (size_t)size, 0, 0) != 0)) {
    r = fail_nbd(cli, "the text could not be read", err);
    free(*text);
    *text = NULL;
  }
  nbd_shutdown(nbd, 0);
  nbd_close(nbd);
  return r;
}

#else

static const char missing[] = "--server: this program was built without libnbd";

enum cli_exit
cli_check_server(const struct cli *cli)
{
  return cli_fail(cli, CLI_FAILED, "%s", missing);
}

enum cli_exit
cli_run_frame(struct cli *cli, const char *node, const uint8_t *frame,
              size_t length, uint8_t *reply)
{
  (void)node;
  (void)frame;
  (void)length;
  (void)reply;
  return cli_check_server(cli);
}

int
cli_server_text(const struct cli *cli, const char *what, char **text,
                struct error *err)
{
  (void)cli;
  (void)what;
  *text = NULL;
  return error_set(err, STATUS_UNSUPPORTED, "%s", missing);
}

#endif
