package act_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// frozen is an outbox whose node is stopped once it has claimed jobs, and goes on after
// their lease.
type frozen struct {
	*desk
	once  sync.Once
	sleep time.Duration
}

func (f *frozen) Claim(ctx context.Context, connector string, n int, now time.Time, lease time.Duration) ([]act.Job, error) {
	jobs, err := f.desk.Claim(ctx, connector, n, now, lease)
	if len(jobs) > 0 {
		f.once.Do(func() { time.Sleep(f.sleep) })
	}
	return jobs, err
}

// counted counts the calls that have time left, and those that have not.
type counted struct {
	act.Connector
	calls, late int
}

func (c *counted) Do(ctx context.Context, r act.Request) (act.Result, error) {
	c.count(ctx)
	return c.Connector.Do(ctx, r)
}

func (c *counted) Lookup(ctx context.Context, r act.Request) (act.Found, error) {
	c.count(ctx)
	return c.Connector.Lookup(ctx, r)
}

func (c *counted) count(ctx context.Context) {
	if ctx.Err() != nil {
		c.late++
		return
	}
	c.calls++
}

// A node that is stopped in a claim, and goes on when another has carried the action
// out, asks the provider for nothing, and what it says late changes nothing.
func TestFrozenInAClaim(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b bubble) {
		late := &counted{Connector: b.cfg.Connector}
		stopped := b.cfg
		stopped.Connector, stopped.Outbox = late, &frozen{desk: b.desk, sleep: 3 * time.Minute}
		action := b.add("pi_1", usd(100))
		_, stop := run(t, stopped)
		time.Sleep(time.Second)
		_, stopOther := run(t, b.cfg)
		time.Sleep(2 * time.Minute)
		if sum := b.Summary(); sum.Refunds != 1 || b.unfinished() != 0 {
			t.Fatalf("while one node is stopped the provider has %+v, and %d actions wait", sum, b.unfinished())
		}
		time.Sleep(2 * time.Minute) // it goes on
		stop()
		stopOther()
		outcomes := b.of(action)
		if got := statuses(outcomes); !slices.Equal(got, []string{decide.Succeeded, decide.Retrying}) || outcomes[0].Attempt != 2 || outcomes[1].Attempt != 1 {
			t.Errorf("the outcomes are %+v", outcomes)
		}
		if late.calls != 0 || late.late == 0 {
			t.Errorf("the node that was stopped made %d calls, and %d that were over before", late.calls, late.late)
		}
		if sum := b.Summary(); sum.Refunds != 1 || sum.Duplicates != 0 || b.unfinished() != 0 {
			t.Errorf("the provider has %+v, and %d actions wait", sum, b.unfinished())
		}
	})
}
