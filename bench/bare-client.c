/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bare-client.c: what HTTP alone can do: ranges read, or pages put, at once.
 *
 * For bench/run to compare the plugin with: libcurl, one thread, one multi
 * handle, --depth easy handles that are used again and again, each with one
 * request at a time. No NBD, no lease, no epoch, no retries. It knows the size
 * of a page blob (or of any file, for --get) and nothing else about it.
 *
 * Prints one line of JSON: requests, bytes, seconds, its own cpu_seconds, and
 * how long requests took (milliseconds).
 */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/samples.h"

#define MESSAGE_MAX 256

struct bench {
  const char *url;
  bool put, random;
  uint64_t block, size, next;
  unsigned depth;
  double seconds;
  uint64_t state; /* of the random numbers */
  CURLM *multi;
  char *body; /* what is put */
  struct samples samples;
  uint64_t bytes_max, begun_bytes, bytes, end_ns;
};

struct request {
  struct bench *bench;
  CURL *easy;
  struct curl_slist *headers, *range; /* range: the one that changes */
  uint64_t received, sent, begun_ns;
};

static void __attribute__((noreturn)) die(const char *what)
{
  fprintf(stderr, "bare-client: %s\n", what);
  exit(EXIT_FAILURE);
}

/* --- one request ------------------------------------------------------ */

static size_t
take(char *bytes, size_t size, size_t count, void *opaque)
{
  struct request *request = opaque;

  (void)bytes;
  request->received += size * count;
  return size * count;
}

static size_t
give(char *buffer, size_t size, size_t count, void *opaque)
{
  struct request *request = opaque;
  uint64_t left = request->bench->block - request->sent;

  count *= size;
  if (count > left)
    count = (size_t)left;
  memcpy(buffer, request->bench->body + request->sent, count);
  request->sent += count;
  return count;
}

static int
rewind_body(void *opaque, curl_off_t offset, int origin)
{
  struct request *request = opaque;

  if (origin != SEEK_SET || offset != 0)
    return CURL_SEEKFUNC_FAIL;
  request->sent = 0;
  return CURL_SEEKFUNC_OK;
}

static uint64_t
next_offset(struct bench *bench)
{
  uint64_t blocks = bench->size / bench->block, number = bench->next++;

  if (bench->random) {
    bench->state ^= bench->state << 13;
    bench->state ^= bench->state >> 7;
    bench->state ^= bench->state << 17;
    number = bench->state;
  }
  return number % blocks * bench->block;
}

static void
begin(struct request *request)
{
  struct bench *bench = request->bench;
  uint64_t offset = next_offset(bench);

  snprintf(request->range->data, MESSAGE_MAX,
           "Range: bytes=%" PRIu64 "-%" PRIu64, offset,
           offset + bench->block - 1);
  request->received = request->sent = 0;
  bench->begun_bytes += bench->block;
  request->begun_ns = samples_now();
  if (curl_multi_add_handle(bench->multi, request->easy) != CURLM_OK)
    die("curl_multi_add_handle");
}

static void
check(CURLcode code)
{
  if (code != CURLE_OK)
    die(curl_easy_strerror(code));
}

static void
add_header(struct request *request, const char *text)
{
  request->headers = curl_slist_append(request->headers, text);
  if (request->headers == NULL)
    die("no memory");
}

static void
init(struct request *request, struct bench *bench)
{
  char room[MESSAGE_MAX];

  memset(room, ' ', sizeof room - 1);
  room[sizeof room - 1] = '\0';
  request->bench = bench;
  request->easy = curl_easy_init();
  if (request->easy == NULL)
    die("no memory");
  add_header(request, room);
  request->range = request->headers;
  add_header(request, "x-ms-version: 2021-12-02");
  add_header(request, "Expect:");
  if (bench->put) {
    add_header(request, "x-ms-page-write: update");
    check(curl_easy_setopt(request->easy, CURLOPT_UPLOAD, 1L));
    check(curl_easy_setopt(request->easy, CURLOPT_INFILESIZE_LARGE,
                           (curl_off_t)bench->block));
    check(curl_easy_setopt(request->easy, CURLOPT_READFUNCTION, give));
    check(curl_easy_setopt(request->easy, CURLOPT_READDATA, request));
    check(curl_easy_setopt(request->easy, CURLOPT_SEEKFUNCTION, rewind_body));
    check(curl_easy_setopt(request->easy, CURLOPT_SEEKDATA, request));
    check(curl_easy_setopt(request->easy, CURLOPT_UPLOAD_BUFFERSIZE,
                           256L * 1024));
  }
  check(curl_easy_setopt(request->easy, CURLOPT_URL, bench->url));
  check(curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers));
  check(curl_easy_setopt(request->easy, CURLOPT_WRITEFUNCTION, take));
  check(curl_easy_setopt(request->easy, CURLOPT_WRITEDATA, request));
  check(curl_easy_setopt(request->easy, CURLOPT_PRIVATE, request));
  check(curl_easy_setopt(request->easy, CURLOPT_NOSIGNAL, 1L));
  check(curl_easy_setopt(request->easy, CURLOPT_BUFFERSIZE, 256L * 1024));
}

/* --- all of them ------------------------------------------------------ */

static void
judge(struct request *request, CURLcode result)
{
  struct bench *bench = request->bench;
  uint64_t wanted = bench->put ? 0 : bench->block;
  long code = 0;

  check(result);
  curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &code);
  if (code < 200 || code > 299 || request->received != wanted) {
    fprintf(stderr, "bare-client: HTTP %ld, %" PRIu64 " bytes of %" PRIu64 "\n",
            code, request->received, wanted);
    exit(EXIT_FAILURE);
  }
  samples_add(&bench->samples, samples_now() - request->begun_ns);
  bench->bytes += bench->block;
}

/* Those that have ended begin again while there is time. */
static void
end_complete(struct bench *bench, unsigned *running)
{
  struct CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(bench->multi, &left)) != NULL) {
    struct request *request = NULL;

    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                      (char **)&request);
    judge(request, message->data.result);
    curl_multi_remove_handle(bench->multi, request->easy);
    if (samples_now() < bench->end_ns && bench->begun_bytes < bench->bytes_max)
      begin(request);
    else
      --*running;
  }
}

static void
run(struct bench *bench)
{
  struct request *requests = calloc(bench->depth, sizeof *requests);
  unsigned running = bench->depth;

  if (requests == NULL)
    die("no memory");
  for (unsigned i = 0; i < bench->depth; i++) {
    init(&requests[i], bench);
    begin(&requests[i]);
  }
  while (running > 0) {
    int left;

    if (curl_multi_perform(bench->multi, &left) != CURLM_OK)
      die("curl_multi_perform");
    end_complete(bench, &running);
    if (running > 0)
      curl_multi_poll(bench->multi, NULL, 0, 1000, NULL);
  }
  for (unsigned i = 0; i < bench->depth; i++) {
    curl_easy_cleanup(requests[i].easy);
    curl_slist_free_all(requests[i].headers);
  }
  free(requests);
}

static void __attribute__((noreturn)) usage(void)
{
  fprintf(stderr, "Usage: bare-client --url URL --size BYTES [--put] "
                  "[--random] [--block BYTES] [--depth N] [--seconds S] "
                  "[--bytes BYTES]\n");
  exit(2);
}

static void
parse(struct bench *bench, int argc, char **argv)
{
  static const struct option options[] = {
      {"url", required_argument, NULL, 'u'},
      {"size", required_argument, NULL, 'z'},
      {"put", no_argument, NULL, 'p'},
      {"random", no_argument, NULL, 'r'},
      {"block", required_argument, NULL, 'b'},
      {"depth", required_argument, NULL, 'd'},
      {"seconds", required_argument, NULL, 's'},
      {"bytes", required_argument, NULL, 'y'},
      {NULL, 0, NULL, 0},
  };
  int option;

  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
    case 'u':
      bench->url = optarg;
      break;
    case 'z':
      bench->size = strtoull(optarg, NULL, 10);
      break;
    case 'p':
      bench->put = true;
      break;
    case 'r':
      bench->random = true;
      break;
    case 'b':
      bench->block = strtoull(optarg, NULL, 10);
      break;
    case 'd':
      bench->depth = (unsigned)strtoul(optarg, NULL, 10);
      break;
    case 'y':
      bench->bytes_max = strtoull(optarg, NULL, 10);
      break;
    case 's':
      bench->seconds = strtod(optarg, NULL);
      break;
    default:
      usage();
    }
  }
  if (optind != argc || bench->url == NULL || bench->block == 0 ||
      bench->size < bench->block || bench->depth == 0)
    usage();
}

int
main(int argc, char **argv)
{
  struct bench bench = {
      .block = 4096, .depth = 1, .seconds = 1, .bytes_max = UINT64_MAX};
  uint64_t begun_ns;
  double before;

  parse(&bench, argc, argv);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  bench.multi = curl_multi_init();
  bench.body = malloc(bench.block);
  if (bench.multi == NULL || bench.body == NULL)
    die("no memory");
  memset(bench.body, 'b', bench.block);
  curl_multi_setopt(bench.multi, CURLMOPT_MAXCONNECTS, (long)bench.depth);
  begun_ns = samples_now();
  bench.state = begun_ns | 1;
  bench.end_ns = begun_ns + (uint64_t)(bench.seconds * 1e9);
  before = samples_cpu_seconds();
  run(&bench);
  samples_print(&bench.samples, bench.bytes, samples_now() - begun_ns,
                samples_cpu_seconds() - before, 0);
  curl_multi_cleanup(bench.multi);
  free(bench.body);
  return EXIT_SUCCESS;
}
