package cord

import (
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64)
	for _, path := range []string{
		"a", "product/TABLE-7", "rule/refund-late", "rule/makegood.refund-request", "a.b/c_d/-", "...", "a/.../b", long,
		strings.Repeat(long+"/", 7) + strings.Repeat("x", 57), // 512 bytes
	} {
		if err := CheckPath(path); err != nil {
			t.Errorf("%q is refused: %v", path, err)
		}
	}
	for _, path := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a b", "a\n", "\na", "a\x00", "ä", "a:b", "a/%2e%2e", `a\b`, "a*", "\xff",
		long + "x", strings.Repeat(long+"/", 7) + strings.Repeat("x", 58), strings.Repeat("a/", 1<<20) + "a",
	} {
		err := CheckPath(path)
		if err == nil {
			t.Errorf("%.40q is taken for a path", path)
		} else if len(err.Error()) > 500 {
			t.Errorf("the error about %.40q has %d bytes", path, len(err.Error()))
		}
	}
}

// FuzzCheckPath compares with a reading byte by byte, and holds that a path's
// segments are those that it goes up by.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"a", "product/TABLE-7", "a/../b", "a//b", "/a", "a/", "ä/b", "a\nb", strings.Repeat("x", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if got, want := CheckPath(path) == nil, plainPath(path); got != want {
			t.Fatalf("%q is a path: %t, want %t", path, got, want)
		}
		if CheckPath(path) != nil {
			return
		}
		n := 0
		for above := range Upward(path) {
			n++
			if CheckPath(above) != nil || !strings.HasPrefix(path, above) {
				t.Fatalf("%q is above %q", above, path)
			}
		}
		if n != Segments(path) {
			t.Fatalf("%q has %d segments and goes up by %d", path, Segments(path), n)
		}
	})
}

func plainPath(path string) bool {
	if len(path) > 512 {
		return false
	}
	begin := 0
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			c := path[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
				return false
			}
			continue
		}
		if part := path[begin:i]; part == "" || part == "." || part == ".." || len(part) > 64 {
			return false
		}
		begin = i + 1
	}
	return true
}
