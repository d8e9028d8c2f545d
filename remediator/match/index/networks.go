package index

import (
	"net/netip"
	"slices"
)

// Network says in which network a rule finds addresses.
type Network struct {
	Prefix netip.Prefix
	Rule   uint32
}

// Networks finds rules by the network that an address belongs to, as
// netip.Prefix.Contains decides it. It asks once for each length that some prefix has.
type Networks struct {
	table
	lengths4, lengths6 []uint8 // of the prefixes, in bits
}

// NewNetworks returns the table of rules by the networks they ask for. An invalid
// prefix holds no address.
func NewNetworks(networks []Network) *Networks {
	n := &Networks{}
	var entries []Entry
	for _, x := range networks {
		if !x.Prefix.IsValid() {
			continue
		}
		lengths := &n.lengths6
		if x.Prefix.Addr().Is4() {
			lengths = &n.lengths4
		}
		if length := uint8(x.Prefix.Bits()); !slices.Contains(*lengths, length) {
			*lengths = append(*lengths, length)
		}
		key := networkKey(x.Prefix.Masked())
		entries = append(entries, Entry{string(key[:]), x.Rule})
	}
	n.table = newTable(entries, Hash)
	return n
}

// Append appends the rules of the networks that an address belongs to.
func (n *Networks) Append(dst []uint32, address netip.Addr) []uint32 {
	if address.Zone() != "" {
		return dst
	}
	lengths := n.lengths6
	if address.Is4() {
		lengths = n.lengths4
	}
	for _, length := range lengths {
		network, err := address.Prefix(int(length))
		if err != nil {
			continue
		}
		key := networkKey(network)
		dst = n.append(dst, Hash(key[:]))
	}
	return dst
}

// networkKey writes a masked prefix: address, length, and which of the two kinds it is.
func networkKey(p netip.Prefix) (key [18]byte) {
	address := p.Addr().As16()
	copy(key[:], address[:])
	key[16] = uint8(p.Bits())
	if p.Addr().Is4() {
		key[17] = 4
	}
	return key
}
