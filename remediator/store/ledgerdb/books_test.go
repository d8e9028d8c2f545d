package ledgerdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/money"
)

func grant(name, customer string, amount money.Money, expires time.Time) credit.Grant {
	return credit.Grant{Action: id(name), Remedy: id("remedy of " + name), Customer: customer, Amount: amount, At: noon, Expires: expires}
}

// balances checks what a customer has, and that the books add up to zero.
func balances(t *testing.T, d *DB, customer string, at time.Time, want ...money.Money) {
	t.Helper()
	got, err := d.Balance(t.Context(), customer, at)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s has %v, %v; want %v", customer, got, err, want)
	}
	var odd int
	if err := d.db.Read.QueryRow(`SELECT COUNT(*) FROM (SELECT txn FROM credit_entry GROUP BY txn, currency HAVING SUM(minor) <> 0) AS odd`).Scan(&odd); err != nil || odd != 0 {
		t.Errorf("%d transactions do not add up to zero (%v)", odd, err)
	}
}

func TestGrantIsOnceForAnAction(t *testing.T) { engines(t, testGrantIsOnceForAnAction) }

func testGrantIsOnceForAnAction(t *testing.T) {
	d := openAt(t, newPath(t))
	balances(t, d, "c", noon)
	g := grant("a", "c", usd(500), time.Time{})
	for range 3 {
		if err := d.Grant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	later := g
	later.At = noon.Add(time.Hour) // another attempt has another time
	if err := d.Grant(t.Context(), later); err != nil {
		t.Error(err)
	}
	balances(t, d, "c", noon, usd(500))
	for name, change := range map[string]func(*credit.Grant){
		"amount":   func(g *credit.Grant) { g.Amount.Minor++ },
		"currency": func(g *credit.Grant) { g.Amount.Currency = "EUR" },
		"customer": func(g *credit.Grant) { g.Customer = "d" },
		"remedy":   func(g *credit.Grant) { g.Remedy = id("other") },
	} {
		other := g
		change(&other)
		if err := d.Grant(t.Context(), other); !errors.Is(err, credit.ErrConflict) {
			t.Errorf("the same action with another %s: %v, want ErrConflict", name, err)
		}
	}
	balances(t, d, "c", noon, usd(500))
	balances(t, d, "d", noon)
}

func TestRedeemSpendsWhatExpiresFirst(t *testing.T) { engines(t, testRedeemSpendsWhatExpiresFirst) }

func testRedeemSpendsWhatExpiresFirst(t *testing.T) {
	d := openAt(t, newPath(t))
	day := 24 * time.Hour
	for _, g := range []credit.Grant{
		grant("never", "c", usd(100), time.Time{}),
		grant("late", "c", usd(100), noon.Add(3*day)),
		grant("soon", "c", usd(100), noon.Add(day)),
		grant("other currency", "c", money.Money{Minor: 70, Currency: "EUR"}, time.Time{}),
		grant("other customer", "d", usd(1000), time.Time{}),
	} {
		if err := d.Grant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	eur := money.Money{Minor: 70, Currency: "EUR"}
	balances(t, d, "c", noon, eur, usd(300))
	balances(t, d, "c", noon.Add(day), eur, usd(200))
	redeem := func(key string, minor int64, at time.Time, left int64, want error) {
		t.Helper()
		got, err := d.Redeem(t.Context(), credit.Redemption{Key: key, Customer: "c", Amount: usd(minor), At: at})
		if !errors.Is(err, want) || err == nil && got != usd(left) {
			t.Errorf("redeem %s: %v left, %v; want %d, %v", key, got, err, left, want)
		}
	}
	redeem("one", 150, noon, 150, nil) // all of soon, half of late
	balances(t, d, "c", noon.Add(day), eur, usd(150))
	redeem("two", 151, noon, 0, credit.ErrShort)
	redeem("three", 150, noon.Add(3*day), 0, credit.ErrShort) // what is left of late has expired
	redeem("four", 100, noon.Add(3*day), 0, nil)
	redeem("one", 150, noon.Add(9*day), 150, nil) // asked again: the same answer
	redeem("one", 149, noon, 0, credit.ErrConflict)
	if _, err := d.Redeem(t.Context(), credit.Redemption{Key: "one", Customer: "d", Amount: usd(150), At: noon}); !errors.Is(err, credit.ErrConflict) {
		t.Errorf("the key of another customer: %v, want ErrConflict", err)
	}
	balances(t, d, "c", noon.Add(3*day), eur)
	balances(t, d, "d", noon, usd(1000))
}

// TestConcurrentRedemptionsNeverOverspend has many spend from one balance at
// once, each key from two callers.
func TestConcurrentRedemptionsNeverOverspend(t *testing.T) {
	engines(t, testConcurrentRedemptionsNeverOverspend)
}

func testConcurrentRedemptionsNeverOverspend(t *testing.T) {
	d := openAt(t, newPath(t))
	const lots = 10
	for n := range lots {
		if err := d.Grant(t.Context(), grant(fmt.Sprint(n), "c", usd(100), noon.Add(time.Duration(n+1)*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	spent := map[string]int64{}
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(caller/2), 0))
			for n := range 15 {
				key, minor := fmt.Sprint(caller/2, "-", n), int64(1+random.IntN(90))
				_, err := d.Redeem(t.Context(), credit.Redemption{Key: key, Customer: "c", Amount: usd(minor), At: noon})
				if err == nil {
					mu.Lock()
					spent[key] = minor
					mu.Unlock()
				} else if !errors.Is(err, credit.ErrShort) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	left := int64(lots * 100)
	for _, minor := range spent {
		left -= minor
	}
	if left < 0 || len(spent) == 0 {
		t.Fatalf("%d redemptions, %d left", len(spent), left)
	}
	if left == 0 {
		balances(t, d, "c", noon)
	} else {
		balances(t, d, "c", noon, usd(left))
	}
}
