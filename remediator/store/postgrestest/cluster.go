package postgrestest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// keeper makes a cluster, says that it is there, restarts it in each mode of pg_ctl
// that it reads, and waits for the end of its input, which comes with the end of the
// test process however that ends. Then it takes the cluster away. What a test commits need not outlive the machine.
const keeper = `set -eu
trap 'pg_ctl -D "$1/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$1"' EXIT
trap '' INT
initdb -D "$1/data" -U postgres -A trust -E UTF8 --no-sync >"$1/log" 2>&1
pg_ctl -D "$1/data" -l "$1/log" -w -t 60 -o "-c listen_addresses=127.0.0.1 -c port=$2 -c unix_socket_directories='' -c fsync=off -c max_connections=200" start >>"$1/log" 2>&1 </dev/null
echo ready
while read -r mode; do
	pg_ctl -D "$1/data" -l "$1/log" -w -t 60 -m "$mode" restart >>"$1/log" 2>&1 </dev/null
	echo ready
done
`

// Cluster is a server of its own, which a test may restart.
type Cluster struct {
	log     string // file of what it says
	address *url.URL
	cmd     *exec.Cmd
	orders  io.WriteCloser
	said    *bufio.Reader
}

// Own starts a cluster that ends with the test.
func Own(t testing.TB) *Cluster {
	t.Helper()
	c, err := startCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.orders.Close(), c.cmd.Wait()); err != nil {
			t.Errorf("end cluster: %v", err)
		}
	})
	return c
}

// DSN is how to connect to the cluster, under a name that it shows of the connection.
func (c *Cluster) DSN(name string) string {
	own := *c.address
	query := own.Query()
	query.Set("application_name", name)
	own.RawQuery = query.Encode()
	return own.String()
}

// Restart stops the server in a mode of pg_ctl, immediate as if it had crashed, and
// returns when it is there again.
func (c *Cluster) Restart(mode string) error {
	if _, err := fmt.Fprintln(c.orders, mode); err != nil {
		return fmt.Errorf("restart cluster: %w", err)
	}
	return c.ready()
}

// Said is the end of what the server has said.
func (c *Cluster) Said() string {
	const last = 4 << 10
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-last):])
}

// ready waits until the server is there.
func (c *Cluster) ready() error {
	if line, err := c.said.ReadString('\n'); err != nil || line != "ready\n" {
		return errors.Join(errors.New("start cluster: initdb or pg_ctl gave up"), ignoreEnd(err))
	}
	return nil
}

// startCluster starts a cluster that ends with this process.
func startCluster() (*Cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "makegood-postgres-")
	if err != nil {
		return nil, err
	}
	// The server refuses to run as root, and its folder must be its user's.
	shell := []string{"sh", "-c", keeper, "keeper", dir}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("give folder to user postgres: %s", out), os.RemoveAll(dir))
		}
		shell = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}, shell...)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(shell[0], append(shell[1:], port)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	orders, err := cmd.StdinPipe() // stays open until this process ends
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start cluster: %w", err)
	}
	c := &Cluster{log: filepath.Join(dir, "log"), cmd: cmd, orders: orders, said: bufio.NewReader(said)}
	if err := c.ready(); err != nil {
		return nil, errors.Join(err, cmd.Wait())
	}
	c.address, err = url.Parse("postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable")
	return c, err
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// programs returns the folder of initdb and pg_ctl. As root it installs them when
// they are missing.
func programs() (string, error) {
	if bin := installed(); bin != "" {
		return bin, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return "", errors.New("none runs on 127.0.0.1:5432, and initdb is not installed")
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-y", "-q", "--no-install-recommends", "postgresql"}} {
		cmd := exec.Command("apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("install postgresql: %w: %s", err, lastLine(out))
		}
	}
	if bin := installed(); bin != "" {
		return bin, nil
	}
	return "", errors.New("initdb is not there after installing postgresql")
}

// installed returns the folder of the newest initdb, "" when there is none.
func installed() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	newest := ""
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb"} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		for _, path := range found {
			newest = max(newest, filepath.Dir(path))
		}
	}
	return newest
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
