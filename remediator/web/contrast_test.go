package web_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast holds that every text of the style sheet stands out from what is
// behind it as WCAG 2 asks (4.5), and what is drawn at least by 3, in both schemes.
func TestContrast(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("assets", "console.css"))
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(text), "@media screen and (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "*, *::before")
	colour := regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3}|[0-9a-f]{6})\b`)
	for scheme, block := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, found := range colour.FindAllStringSubmatch(block, -1) {
			colours[found[1]] = luminance(t, found[2])
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "page", 4.5}, {"text", "card", 4.5}, {"text", "calm-back", 4.5}, {"soft", "page", 4.5}, {"soft", "card", 4.5}, {"soft", "calm-back", 4.5},
			{"link", "card", 4.5}, {"link", "page", 4.5}, {"on-button", "button", 4.5}, {"card", "bad", 4.5}, {"good", "good-back", 4.5}, {"warn", "warn-back", 4.5},
			{"bad", "bad-back", 4.5}, {"busy", "busy-back", 4.5}, {"calm", "calm-back", 4.5}, {"bad", "card", 4.5}, {"warn", "card", 4.5}, {"warn", "page", 4.5}, {"good", "page", 4.5},
			{"bar", "card", 3}, {"strong", "card", 3}, {"strong", "page", 3}, {"focus", "page", 3}, {"focus", "card", 3},
		} {
			front, ok := colours[pair.front]
			back, too := colours[pair.back]
			if !ok || !too {
				t.Fatalf("%s: %s or %s has no colour", scheme, pair.front, pair.back)
			}
			if got := (max(front, back) + 0.05) / (min(front, back) + 0.05); got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// luminance is the relative luminance of a colour in hex, as WCAG 2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}
