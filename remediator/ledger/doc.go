// Package ledger is the sealed list of facts: what an entry's bytes are, how
// entries become a Merkle tree and a signed checkpoint, how evidence is
// encrypted, how a stored ledger is verified, how one remedy is proven and how all is
// exported.
//
// It is for the store, which keeps the ledger in the transaction that commits
// a decision, and for auditors, who trust neither the store nor the service.
// Everything here takes values and returns values; the store implements
// TileReader to extend the tree and Source to have a ledger verified.
//
// # Entries
//
// An entry is a fact with its place in the list. Sequences count from 0
// without gaps, so an entry's sequence is the index of its leaf. Its bytes are
// one line of JSON with the fields in this order and no space between them:
//
//	{"seq":7,"kind":"remedy","at":"2001-01-01T09:30:00Z","ordinal":4211,"version":1,
//	 "remedy":"…","action":"…","rule":"late-flight","body":{…}}
//
// at is RFC 3339 in UTC with as many decimals as it needs; remedy, action and
// rule are left out when the fact has none; strings are escaped as RFC 8785
// says; body is the fact's body as the decider encoded it, byte for byte. The
// same fact has the same bytes in every release.
//
// # Tree
//
// The leaf of an entry is SHA-256(0x00 ‖ bytes) and the tree is that of
// RFC 6962. Its hashes are kept in tiles of 256 (C2SP tlog-tiles): tile
// (level, index) holds up to 256 hashes of tree level 8·level, beginning with
// number 256·index. A tile grows until it is full; a store keeps one row for
// each (level, index) and replaces it.
//
// # Checkpoint
//
// A checkpoint is a signed note (C2SP tlog-checkpoint, ed25519) of three lines:
// the origin, which is "makegood/" and the log's id, the number of entries in
// decimal, and the root in base64. A store keeps one row: the checkpoint of the
// last commit that added entries. Signatures are deterministic: the same tree
// has the same checkpoint.
//
// A ledger that lost its end and was restored goes on under a new origin, which is the
// first one, a slash and an id, with a key of its own. The fact that begins it names
// the last checkpoint that is known of the old origin, and is endorsed with its key
// (NewOrigin).
//
// # Applied
//
// How far the log was folded is not always to be seen in the entries, because
// most inputs leave none. The store therefore keeps beside the tree one row
// with that position, signed by the same key in the same way (Applied), so that
// nobody can make the decider skip inputs or fold them twice unnoticed.
//
// # Receipt
//
// A Receipt proves the entries about one remedy to whoever has the public key alone:
// their bytes, an inclusion proof of each and the checkpoint. Prove makes one from
// tiles, Check says what is wrong with one, by name.
//
// # Verification
//
// Verify re-hashes a stored ledger and names the entry, the tile or the row that
// was changed. A ledger can be rewritten as a whole by who holds its key; that
// is seen only from elsewhere, by a public key or by a checkpoint that was kept
// there, and what came after the newest such checkpoint is not covered by it.
// Entries are also read for what cannot have been decided: a key taken twice, an
// action paid twice or above what was decided, events that no count accounts for.
package ledger
