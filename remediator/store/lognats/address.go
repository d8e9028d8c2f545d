package lognats

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

const (
	defaultStream   = "makegood"
	defaultReplicas = 3
	maxReplicas     = 5 // that a stream can have
)

// address says where a log is, and who asks.
type address struct {
	servers     []string
	stream      string
	replicas    int // at least
	credentials string
	ca          string
	cert, key   string
}

var (
	streamName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	schemes    = []string{"nats", "tls", "ws", "wss"}
)

// parse reads an address like nats://a:4222,b:4222,c:4222?stream=makegood. What it
// says of one that is wrong names no part in which a password may be.
func parse(text string) (address, error) {
	a := address{stream: defaultStream, replicas: defaultReplicas}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		return a, errors.New("the address does not begin with nats:// or tls://: write one like nats://a:4222,b:4222,c:4222")
	}
	hosts, settings, _ := strings.Cut(rest, "?")
	for i, host := range strings.Split(strings.TrimSuffix(hosts, "/"), ",") {
		server := scheme + "://" + host
		if u, err := url.Parse(server); err != nil || u.Hostname() == "" || u.Path != "" || u.Fragment != "" {
			return a, fmt.Errorf("server %d of the address is no host: write one like nats://a:4222,b:4222,c:4222", i+1)
		}
		a.servers = append(a.servers, server)
	}
	query, err := url.ParseQuery(settings)
	if err != nil {
		return a, errors.New("what stands behind the ? of the address cannot be read: write name=value&name=value")
	}
	for name, values := range query {
		if err := a.set(name, values[len(values)-1]); err != nil {
			return a, err
		}
	}
	if (a.cert == "") != (a.key == "") {
		return a, errors.New("cert and key of the address are files of one pair: give both or neither")
	}
	return a, nil
}

// set takes a setting of the address.
func (a *address) set(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s of the address is empty", name)
	}
	switch name {
	case "stream":
		if a.stream = value; !streamName.MatchString(value) {
			return fmt.Errorf("stream=%s of the address is no name of letters, digits, - and _", value)
		}
	case "replicas":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxReplicas {
			return fmt.Errorf("replicas=%s of the address is no number from 1 to %d", value, maxReplicas)
		}
		a.replicas = n
	case "credentials":
		a.credentials = value
	case "ca":
		a.ca = value
	case "cert":
		a.cert = value
	case "key":
		a.key = value
	default:
		return fmt.Errorf("the address cannot set %s: there are stream, replicas, credentials, ca, cert and key", name)
	}
	return nil
}

// options are what a connection needs besides the servers.
func (a address) options() []nats.Option {
	var options []nats.Option
	if a.credentials != "" {
		options = append(options, nats.UserCredentials(a.credentials))
	}
	if a.ca != "" {
		options = append(options, nats.RootCAs(a.ca))
	}
	if a.cert != "" {
		options = append(options, nats.ClientCert(a.cert, a.key))
	}
	return options
}

// records is the subject under which records are stored.
func (a address) records() string { return a.stream + ".record" }

// appended is the subject on which appends are announced.
func (a address) appended() string { return a.stream + ".appended" }
