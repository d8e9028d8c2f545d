package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldlog"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"

	"github.com/makegood/makegood/sdk"
)

const (
	cord   = "product/TABLE-7"
	within = 10 * time.Second // a library is ready
)

// asking measures asking whether the line is stopped, and the same of a flag that
// is off of libraries for feature flags, which evaluate rules for a context. Each
// holds its flags in memory.
func asking(t *table, rounds int) error {
	subjects, err := open(pointer, gate, names, byName, openFeature, launchDarkly)
	if err != nil {
		return err
	}
	if err := takeTurns(rounds, subjects); err != nil {
		return err
	}
	load, ours, look, named := subjects[0], subjects[1], subjects[2], subjects[3]
	first, second := rowOf(ours, load), rowOf(named, look)
	first.wanted, second.wanted = atMost(first.ratio, 2), atMost(second.ratio, 2)
	t.add(first, second)
	for _, s := range subjects[4:] {
		t.add(rowOf(s, ours))
	}
	return nil
}

// turn asks that often in a loop of its own, so that a question is inlined as it
// is in an application.
const turn = 1000

// question is a subject that asks a whole turn with each call. An answer that says
// stop is an error.
func question(name, does string, ask func() (stopped int), end func() error) (*subject, error) {
	stopped := 0
	return &subject{name: name, does: does, calls: 20, call: func() { stopped += ask() }, end: func() error {
		if stopped > 0 {
			return fmt.Errorf("measure %s: %d answers were stop", name, stopped)
		}
		if end == nil {
			return nil
		}
		return end()
	}}, nil
}

func pointer() (*subject, error) {
	bare := &atomic.Pointer[bool]{}
	bare.Store(new(bool))
	return question("1,000 loads of a pointer", "the least that a gate can cost", func() (stopped int) {
		for range turn {
			if *bare.Load() {
				stopped++
			}
		}
		return stopped
	}, nil)
}

// allOpen is a service where nothing is stopped.
func allOpen(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "id: 00000000000000ff.0\nevent: snapshot\ndata: {\"cords\":[]}\n\n")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// gates is a client that has heard of its service.
func gates() (*makegood.Client, error) {
	c, err := makegood.New("shop", makegood.Handler(http.HandlerFunc(allOpen)))
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := c.WaitReady(limit); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func gate() (*subject, error) {
	c, err := gates()
	if err != nil {
		return nil, err
	}
	gate := c.Gate(cord, makegood.FailOpen)
	return question("1,000 gates", "Closed of a handle", func() (stopped int) {
		for range turn {
			if gate.Closed() {
				stopped++
			}
		}
		return stopped
	}, c.Close)
}

// paths are those of the gates that are asked by name.
func paths() (paths []string) {
	for i := range turn {
		paths = append(paths, fmt.Sprintf("product/furniture/TABLE-%d", i))
	}
	return paths
}

func names() (*subject, error) {
	all, answers := paths(), map[string]bool{}
	for _, path := range all {
		answers[path] = false
	}
	return question("1,000 look-ups in a map", "the least that asking by name can cost", func() (stopped int) {
		for _, path := range all {
			if answers[path] {
				stopped++
			}
		}
		return stopped
	}, nil)
}

func byName() (*subject, error) {
	c, err := gates()
	if err != nil {
		return nil, err
	}
	all := paths()
	ask := func() (stopped int) {
		for _, path := range all {
			if c.Closed(path) {
				stopped++
			}
		}
		return stopped
	}
	ask() // the first time declares the gates
	return question("1,000 gates by name", "Closed of a client", ask, c.Close)
}

func openFeature() (*subject, error) {
	provider := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		cord: {State: memprovider.Enabled, DefaultVariant: "open", Variants: map[string]any{"open": false, "closed": true}},
	})
	if err := openfeature.SetProviderAndWait(provider); err != nil {
		return nil, fmt.Errorf("start OpenFeature: %w", err)
	}
	client, ctx, evaluation := openfeature.NewClient("shop"), context.Background(), openfeature.EvaluationContext{}
	if _, err := client.BooleanValue(ctx, cord, true, evaluation); err != nil {
		return nil, fmt.Errorf("ask OpenFeature: %w", err)
	}
	return question("1,000 OpenFeature flags", "Boolean, of a provider in memory", func() (stopped int) {
		for range turn {
			if client.Boolean(ctx, cord, true, evaluation) {
				stopped++
			}
		}
		return stopped
	}, func() error { openfeature.Shutdown(); return nil })
}

func launchDarkly() (*subject, error) {
	data := ldtestdata.DataSource()
	data.Update(data.Flag(cord).BooleanFlag().VariationForAll(false))
	client, err := ld.MakeCustomClient("key", ld.Config{
		DataSource: data, Events: ldcomponents.NoEvents(), Logging: ldcomponents.Logging().MinLevel(ldlog.Error),
	}, within)
	if err != nil {
		return nil, fmt.Errorf("start LaunchDarkly: %w", err)
	}
	shop := ldcontext.New("shop")
	return question("1,000 LaunchDarkly flags", "BoolVariation, of a data source in memory", func() (stopped int) {
		for range turn {
			if closed, err := client.BoolVariation(cord, shop, true); closed || err != nil {
				stopped++
			}
		}
		return stopped
	}, client.Close)
}
