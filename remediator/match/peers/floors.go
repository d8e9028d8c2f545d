package main

import (
	"fmt"

	"github.com/buger/jsonparser"
	"github.com/bytedance/sonic"
	"github.com/tidwall/gjson"
	"github.com/valyala/fastjson"

	"github.com/makegood/makegood/remediator/event"
)

// floor reads eight paths of an event and nothing else: what matching cannot be
// faster than. It adds up the lengths of the texts and the number, which shows
// that all floors read the same.
type floor struct {
	name string
	read func(raw []byte) (int, error)
}

// texts and number are the paths that a floor reads: those of the sets A and B
// that occur most.
var (
	texts  = [][]string{{"type"}, {"subject"}, {"data", "rental"}, {"data", "region"}, {"data", "plan"}, {"data", "title"}, {"data", "device"}}
	number = []string{"data", "stall_s"}
)

// floors are measured in this order; the first is ours.
func floors() []floor {
	return []floor{
		{"ours", ourExtraction()},
		{"jsonparser EachKey", jsonparserEachKey},
		{"fastjson", fastjsonGets()},
		{"gjson GetMany", gjsonGetMany},
		{"sonic Get", sonicGets},
	}
}

func ourExtraction() func(raw []byte) (int, error) {
	paths := [][]string{{"event", "type"}, {"event", "subject"}}
	paths = append(append(paths, texts[2:]...), number)
	plan := event.NewPlan(paths)
	var slots []int
	for _, path := range paths {
		slots = append(slots, plan.Slot(path))
	}
	var view event.View
	wanted := func([]byte) *event.Plan { return plan }
	return func(raw []byte) (int, error) {
		if err := view.Read(raw, wanted); err != nil {
			return 0, err
		}
		sum := 0
		for _, slot := range slots[:len(texts)] {
			sum += len(view.Text(slot))
		}
		n, _ := view.Number(slots[len(texts)])
		return sum + int(n), nil
	}
}

func jsonparserEachKey(raw []byte) (int, error) {
	sum := 0
	var failed error
	jsonparser.EachKey(raw, func(path int, value []byte, _ jsonparser.ValueType, err error) {
		if path < len(texts) {
			sum += len(value)
			return
		}
		n, err := jsonparser.ParseInt(value)
		if err != nil {
			failed = err
		}
		sum += int(n)
	}, eachKeyPaths...)
	return sum, failed
}

var eachKeyPaths = append(append([][]string{}, texts...), number)

func fastjsonGets() func(raw []byte) (int, error) {
	var parser fastjson.Parser
	return func(raw []byte) (int, error) {
		value, err := parser.ParseBytes(raw)
		if err != nil {
			return 0, err
		}
		sum := value.GetInt(number...)
		for _, path := range texts {
			sum += len(value.GetStringBytes(path...))
		}
		return sum, nil
	}
}

var gjsonPaths = []string{"type", "subject", "data.rental", "data.region", "data.plan", "data.title", "data.device", "data.stall_s"}

func gjsonGetMany(raw []byte) (int, error) {
	values := gjson.GetManyBytes(raw, gjsonPaths...)
	sum := int(values[len(texts)].Int())
	for _, value := range values[:len(texts)] {
		sum += len(value.Str)
	}
	return sum, nil
}

func sonicGets(raw []byte) (int, error) {
	sum := 0
	for _, path := range sonicPaths[:len(texts)] {
		node, err := sonic.Get(raw, path...)
		if err != nil {
			return 0, err
		}
		text, err := node.String()
		if err != nil {
			return 0, err
		}
		sum += len(text)
	}
	node, err := sonic.Get(raw, sonicPaths[len(texts)]...)
	if err != nil {
		return 0, err
	}
	n, err := node.Int64()
	if err != nil {
		return 0, fmt.Errorf("read number: %w", err)
	}
	return sum + int(n), nil
}

// sonicPaths are the paths as sonic takes them, made once.
var sonicPaths = func() [][]any {
	var all [][]any
	for _, path := range eachKeyPaths {
		var steps []any
		for _, name := range path {
			steps = append(steps, name)
		}
		all = append(all, steps)
	}
	return all
}()
