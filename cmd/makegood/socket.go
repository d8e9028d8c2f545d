package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/makegood/makegood/remediator/access"
)

const (
	// socketName is the file in a data folder by which the owner of the folder
	// reaches the service that runs on it, without a token.
	socketName = "makegood.sock"
	// maxSocketPath is what every system takes as the path of a socket.
	maxSocketPath = 100
)

// listenOwner listens on the socket of a data folder that this process holds.
// Whoever may open the socket is taken for the owner of the folder, so it never
// exists with other rights than the owner's: it is made in a folder that nobody
// else can enter, and then takes the place of what an earlier service left.
func listenOwner(dir string) (net.Listener, error) {
	name := filepath.Join(dir, socketName)
	switch {
	case runtime.GOOS == "windows":
		return nil, errors.New("listen on socket: Windows does not keep others from it")
	case len(name) > maxSocketPath:
		return nil, fmt.Errorf("listen on socket: its path has %d bytes, and more than %d do not work everywhere", len(name), maxSocketPath)
	}
	private := filepath.Join(dir, ".socket")
	if err := errors.Join(os.RemoveAll(private), os.Mkdir(private, 0o700)); err != nil {
		return nil, fmt.Errorf("listen on socket: %w", err)
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on socket: %w", err)
	}
	listener.SetUnlinkOnClose(false) // its name is another one soon
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, name)); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on socket: %w", err), listener.Close())
	}
	return ownerSocket{listener, name}, nil
}

// ownerSocket takes its file away when it is closed. The service closes it before
// it gives the folder back, so the file is never another one's.
type ownerSocket struct {
	net.Listener
	name string
}

// Close ends the listening.
func (s ownerSocket) Close() error {
	err := s.Listener.Close()
	if removed := os.Remove(s.name); !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// byConnection answers what comes over a socket as the owner's, and the rest as
// anybody's.
func byConnection(service http.Handler) http.Handler {
	owner := access.FromOwner(service)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && at.Network() == "unix" {
			owner.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	})
}
