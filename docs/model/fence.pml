/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fence.pml: why a lease ID alone is no fence, and lease and epoch are.
 *
 * Two nodes, two incarnations of each. Incarnations of one node share its
 * lease ID. Any of them may take the lease, take it over from the other node,
 * claim, send writes, give the lease back, or stop for ever at any moment. A
 * write that was sent is delivered at any later time, or never. The store
 * checks what it checks and does the write.
 *
 * holder is what only we know: which incarnation claimed last. A write of any
 * other must never be done, for the holder may have read, cached or written
 * since.
 *
 *   spin -run fence.pml               the store checks lease ID and epoch: no
 *                                     assertion is violated
 *   spin -run -DEPOCH=0 fence.pml     it checks the lease ID only: "assertion
 *                                     violated"; spin -t -p -DEPOCH=0 fence.pml
 *                                     tells the way there
 *   spin -run -DEPOCH=0 -DTWO_NODES fence.pml
 *                                     ... and one incarnation a node is enough
 *   spin -run -DEPOCH=0 -DONE_NODE fence.pml
 *                                     ... or two of one node
 */

#ifndef EPOCH
#define EPOCH 1
#endif

#define NOBODY 255
#define NO_LEASE 2
#define NODE(self) ((self) / 2)

byte lease = NO_LEASE; /* the store: whose ID holds it */
byte epoch = 0;
byte holder = NOBODY; /* the truth: who claimed last */

/* By incarnation: the epoch of its write that is on its way; 0: none is. */
byte sent[4];

proctype incarnation(byte self)
{
  byte own = 0; /* its epoch, once it has claimed */
  byte changes = 0;

  do
  :: atomic { lease == NO_LEASE -> lease = NODE(self) }    /* Acquire */
  :: atomic {                                              /* Change */
       lease == 1 - NODE(self) && changes < 2 ->
       lease = NODE(self); changes++ }
  :: atomic {                                              /* claim */
       lease == NODE(self) && own == 0 ->
       epoch++; own = epoch; holder = self }
  :: atomic { own != 0 && sent[self] == 0 -> sent[self] = own }
  :: atomic {                                              /* Release */
       lease == NODE(self) && own == epoch -> lease = NO_LEASE }
  :: break                                                 /* stops for ever */
  od
}

/* The network and the store: any write that is on its way, at any time. */
proctype store()
{
  byte from;

end:
  do
  :: atomic {
       select(from : 0 .. 3);
       if
       :: sent[from] != 0 ->
          if
          :: lease == NODE(from) && (!EPOCH || epoch == sent[from]) ->
             assert(from == holder) /* done: it becomes visible */
          :: else -> skip           /* refused, or lost on the way */
          fi;
          sent[from] = 0
       :: else -> skip
       fi;
       from = 0
     }
  od
}

init
{
  atomic {
    run store();
    run incarnation(0);
#ifndef TWO_NODES
    run incarnation(1);
#endif
#ifndef ONE_NODE
    run incarnation(2);
#endif
#if !defined(ONE_NODE) && !defined(TWO_NODES)
    run incarnation(3);
#endif
  }
}
