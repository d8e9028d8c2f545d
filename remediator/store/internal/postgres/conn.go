package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// connector makes the connections of a pool.
type connector struct {
	server *Server
	cfg    pq.Config
}

// session is what a connection of the driver can do.
type session interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := pq.NewConnectorConfig(c.cfg)
	if err != nil {
		return nil, err
	}
	inner.Dialer(newDialer())
	made, err := inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s, ok := made.(session)
	if !ok {
		return nil, errors.Join(errors.New("connect: the driver lacks what database/sql knows"), made.Close())
	}
	return &conn{session: s, server: c.server}, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// conn is a connection that numbers parameters and escapes texts.
type conn struct {
	session
	server *Server
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	err := c.session.CheckNamedValue(v)
	if errors.Is(err, driver.ErrSkip) {
		v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	}
	if text, ok := v.Value.(string); ok {
		v.Value = escape(text)
	}
	return err
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	prepared, err := c.session.PrepareContext(ctx, c.server.numbered(query))
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(errors.New("prepare: the driver lacks what database/sql knows"), prepared.Close())
	}
	return &stmt{s}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.session.ExecContext(ctx, c.server.numbered(query), args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return restored(c.session.QueryContext(ctx, c.server.numbered(query), args))
}

// statement is what a prepared statement of the driver can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct{ statement }

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return restored(s.statement.QueryContext(ctx, args))
}

// rows restores the texts of a result.
type rows struct{ driver.Rows }

func restored(r driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	return &rows{r}, nil
}

// Next implements driver.Rows.
func (r *rows) Next(values []driver.Value) error {
	if err := r.Rows.Next(values); err != nil {
		return err
	}
	for i, v := range values {
		if text, ok := v.(string); ok {
			values[i] = unescape(text)
		}
	}
	return nil
}

// numbered returns a statement with its parameters as PostgreSQL wants them, $1
// and so on. Statements come from a fixed set, so each is rewritten once.
func (s *Server) numbered(query string) string {
	if known, ok := s.texts.Load(query); ok {
		return known.(string)
	}
	text := number(query)
	s.texts.Store(query, text)
	return text
}

func number(query string) string {
	var b strings.Builder
	n, quoted := 0, false
	for i := range len(query) {
		switch c := query[i]; {
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		case c == '\'':
			quoted = !quoted
		}
		b.WriteByte(query[i])
	}
	return b.String()
}

// dialer makes connections that end when the other side is gone.
type dialer struct{ net.Dialer }

func newDialer() *dialer {
	return &dialer{net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: deadAfter / 2, Interval: deadAfter / 10, Count: 5},
		Control:         limitUnanswered,
	}}
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	limited := d.Dialer
	limited.Timeout = timeout
	return limited.Dial(network, address)
}
