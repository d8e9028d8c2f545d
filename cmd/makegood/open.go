package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"

	"github.com/makegood/makegood/remediator/api"
)

type openCommand struct {
	service
	At      string `env:"MAKEGOOD_CONSOLE" default:"http://127.0.0.1:8080" help:"Address at which your browser reaches the service; with --url it is that one."`
	Browser bool   `help:"Open it in the browser too."`
}

// Run prints an address that opens the console, signed in.
func (c *openCommand) Run(p *program) error {
	var link api.Link
	if err := c.postOnce(p.ctx, "/v1/sign-in-links", struct{}{}, &link); err != nil {
		return err
	}
	at := c.At
	if c.URL != "" {
		at = c.URL
	}
	if err := checkAddress(at); err != nil {
		return err
	}
	link.Path = strings.TrimSuffix(at, "/") + link.Path
	if c.Output == "json" {
		return printJSON(p.stdout, map[string]string{"url": link.Path})
	}
	if !strings.HasSuffix(link.Path, "/") {
		fmt.Fprintln(p.stderr, "It signs in once, within ten minutes:")
	}
	if _, err := fmt.Fprintln(p.stdout, link.Path); err != nil || !c.Browser {
		return err
	}
	return browse(link.Path)
}

// browse opens an address in the browser of the desktop, if there is one.
func browse(address string) error {
	program, arguments := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, arguments = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	if err := exec.Command(program, arguments...).Start(); err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	return nil
}

// consoleAt is the address of the console for a browser on this machine.
func consoleAt(listening net.Addr) (string, error) {
	tcp, ok := listening.(*net.TCPAddr)
	if !ok {
		return "", errors.New("it listens on no port")
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(tcp.Port)), nil
}
