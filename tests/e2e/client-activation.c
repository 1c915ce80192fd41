/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-activation.c EXPORT NBDKIT...: a server started by socket activation,
 * as systemd does it, serves the connection that started it.
 */
#include "client.h"

#include <string.h>

int
main(int argc, char *argv[])
{
  unsigned char data[10000], back[sizeof data];
  struct nbd_handle *client = client_new();

  if (argc < 3)
    fail("usage: client-activation EXPORT NBDKIT...");
  must(nbd_set_export_name(client, argv[1]));
  must(nbd_connect_systemd_socket_activation(client, argv + 2));

  fill_random(data, sizeof data, 1);
  must(nbd_pwrite(client, data, sizeof data, 333, LIBNBD_CMD_FLAG_FUA));
  must(nbd_pread(client, back, sizeof back, 333, 0));
  if (memcmp(back, data, sizeof data) != 0)
    fail("other data");
  client_close(client);
  return 0;
}
