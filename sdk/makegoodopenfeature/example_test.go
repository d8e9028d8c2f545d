package makegoodopenfeature_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodopenfeature"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

// A shop that asks for feature flags takes a product off sale when its cord is red.
func Example() {
	told := makegoodtest.New(&testing.T{})
	mg := told.Client() // a program's is of makegood.New
	provider, err := makegoodopenfeature.New(mg, map[string]makegoodopenfeature.Flag{
		"sell-table-7": {Cord: "product/TABLE-7", Mode: makegood.FailOpen},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := openfeature.SetNamedProviderAndWait("shop", provider); err != nil {
		fmt.Println("the service is not heard: flags answer by their modes:", err)
	}
	defer openfeature.Shutdown()

	client := openfeature.NewClient("shop")
	ask := func() {
		sell, err := client.BooleanValueDetails(context.Background(), "sell-table-7", false, openfeature.EvaluationContext{})
		fmt.Println(sell.Value, sell.Variant, sell.Reason, err)
	}
	ask()
	told.Pull("product/TABLE-7")
	ask()
	told.Release("product/TABLE-7")
	ask()
	// Output:
	// true open STATIC <nil>
	// false closed STATIC <nil>
	// true open STATIC <nil>
}
