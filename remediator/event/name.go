package event

import (
	"hash/maphash"
	"math/bits"
)

// name is the name of a member as the scanner passed it.
type name struct {
	hash uint64
	at   span // what bytes takes
}

// bytes returns a name or an attribute's text without its escapes.
func (s *scanner) bytes(at span) []byte {
	if at.start < 0 {
		return s.scratch[^at.start:at.end]
	}
	return s.buf[at.start:at.end]
}

// spread makes the high bits of a product depend on all bits of a name.
const spread = 0x9E3779B97F4A7C15

// mix makes one number of the beginning, the end and the size of a long name.
func mix(first, last uint64, size int) uint64 {
	return first ^ bits.RotateLeft64(last, 23) + uint64(size)
}

// hashOf is the hash of a name. Names of fewer than eight bytes that are of one
// length have different hashes, so for these the hash is the comparison.
func hashOf(b []byte) uint64 {
	if size := len(b); size >= 8 {
		return mix(load(b, 0), load(b, size-8), size) * spread
	}
	var x uint64
	for i, c := range b {
		x |= uint64(c) << (8 * i)
	}
	return x * spread
}

// is says whether a name with the hash of word is word.
func (s *scanner) is(n name, word string) bool {
	if n.at.start >= 0 && len(word) < 8 {
		return int(n.at.end-n.at.start) == len(word)
	}
	return string(s.bytes(n.at)) == word
}

// name passes a member's name and its colon. This is the common case: a name of
// plain characters.
func (s *scanner) name(i int) (name, int) {
	buf := s.buf
	if i+1 >= len(buf) || buf[i] != '"' {
		return s.oddName(i)
	}
	start := i + 1
	for i = start; i+10 <= len(buf); i += 8 {
		x := load(buf, i)
		found := special(x)
		if found == 0 {
			continue
		}
		end := i + first(found)
		if buf[end] != '"' {
			break
		}
		x &= (found ^ (found - 1)) >> 8 // without the quote and what follows it
		if size := end - start; size >= 8 {
			x = mix(load(buf, start), load(buf, end-8), size)
		}
		one := name{x * spread, span{int32(start), int32(end)}}
		if buf[end+1] == ':' && buf[end+2] > ' ' {
			return one, end + 2
		}
		return one, s.colon(end + 1)
	}
	return s.oddName(start - 1)
}

// oddName is name of any name.
func (s *scanner) oddName(i int) (name, int) {
	if s.at(i) != '"' {
		s.syntax(i, "expected a name in double quotes")
		return name{}, fail
	}
	end, odd := s.text(i + 1)
	if end < 0 {
		return name{}, fail
	}
	one := name{at: span{int32(i + 1), int32(end - 1)}}
	if odd&escaped != 0 {
		one.at = s.resolve(s.buf, one.at)
	}
	one.hash = hashOf(s.bytes(one.at))
	return one, s.colon(end)
}

func (s *scanner) colon(i int) int {
	if i = s.space(i); s.at(i) != ':' {
		s.syntax(i, "expected a colon after the name")
		return fail
	}
	return s.space(i + 1)
}

// fewNames is how many names of one object are compared one by one; above it a
// table takes over, so that no object costs the square of its size.
const fewNames = 64

// nameSet finds repeated names of one object.
type nameSet struct {
	base  int       // where the object's names begin in scanner.names
	table int       // where its table, if any, begins in scanner.tables
	seen  [4]uint64 // a bit for each of 256 kinds of hashes; all once there is a table
}

// fresh notes a hash and says whether no name can have had it before.
func (n *nameSet) fresh(hash uint64) bool {
	word, bit := &n.seen[hash>>62], uint64(1)<<(hash>>56&63)
	was := *word & bit
	*word |= bit
	return was == 0
}

// repeats notes a name and says whether it was there before.
func (n *nameSet) repeats(s *scanner, one name) bool {
	if n.fresh(one.hash) {
		s.names = append(s.names, one)
		return false
	}
	return n.search(s, one)
}

// search is repeats of a name that may have been there.
func (n *nameSet) search(s *scanner, one name) bool {
	names := s.names[n.base:]
	if len(s.tables) > n.table || len(names) >= fewNames {
		return n.searchTable(s, one)
	}
	for _, other := range names {
		if other.hash == one.hash && string(s.bytes(other.at)) == string(s.bytes(one.at)) {
			return true
		}
	}
	s.names = append(s.names, one)
	return false
}

// seed keeps emitters from choosing names that collide in a table.
var seed = maphash.MakeSeed()

func (n *nameSet) searchTable(s *scanner, one name) bool {
	count := len(s.names) - n.base
	if table := s.tables[n.table:]; 2*count >= len(table) {
		n.seen = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
		s.tables = append(s.tables[:n.table], make([]int32, max(4*fewNames, 2*len(table)))...)
		for i := range count {
			n.place(s, s.names[n.base+i], int32(i))
		}
	}
	if !n.place(s, one, int32(count)) {
		return true
	}
	s.names = append(s.names, one)
	return false
}

// place puts a name into the table as the object's index-th, unless it is there.
func (n *nameSet) place(s *scanner, one name, index int32) bool {
	table, text := s.tables[n.table:], s.bytes(one.at)
	for at := int(maphash.Bytes(seed, text)) & (len(table) - 1); ; at = (at + 1) & (len(table) - 1) {
		if table[at] == 0 {
			table[at] = index + 1
			return true
		}
		other := s.names[n.base+int(table[at]-1)]
		if other.hash == one.hash && string(s.bytes(other.at)) == string(text) {
			return false
		}
	}
}

func (s *scanner) refuseRepeated(one name) {
	s.refuse(CodeDuplicateKey, s.memberName(), "the name %s is written twice in one object: remove one", short(s.bytes(one.at)))
}

// leave closes an object.
func (s *scanner) leave(n *nameSet) {
	s.depth--
	s.names = s.names[:n.base]
	s.tables = s.tables[:n.table]
}
