// Package browser tests pages with Debian's Chromium, in light and dark color schemes, with the
// viewports of a screen and a phone.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"trapline/internal/peers"
)

// patience is the maximum wait for a page.
const patience = 90 * time.Second

// Look is the viewport and color scheme of a tab.
type Look struct {
	Name   string
	Dark   bool
	Width  int64
	Height int64
	Phone  bool
	NoJS   bool
}

// The looks of the tests.
var (
	Light  = Look{Name: "light", Width: 1400, Height: 900}
	Dark   = Look{Name: "dark", Dark: true, Width: 1400, Height: 900}
	Phone  = Look{Name: "phone", Width: 390, Height: 844, Phone: true}
	Script = Look{Name: "without JavaScript", Width: 1400, Height: 900, NoJS: true}
)

// Start runs a browser until the test ends.
func Start(t testing.TB) context.Context {
	t.Helper()
	path := peers.Require(t, "chromium", "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// Tab is a tab of a browser. It records the errors of its pages.
type Tab struct {
	ctx  context.Context
	Look Look

	mu       sync.Mutex
	host     string
	troubles []string
}

// Open opens a tab.
func Open(t testing.TB, browser context.Context, look Look) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	ctx, stop := context.WithTimeout(ctx, 3*patience)
	t.Cleanup(func() { stop(); cancel() })
	tab := &Tab{ctx: ctx, Look: look}
	chromedp.ListenTarget(ctx, tab.hear)
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	tab.Do(t, network.Enable(), log.Enable(), runtime.Enable(), emulation.SetEmulatedMedia().WithFeatures(features),
		emulation.SetDeviceMetricsOverride(look.Width, look.Height, 1, look.Phone), emulation.SetScriptExecutionDisabled(look.NoJS))
	return tab
}

// hear records errors of pages and requests to other hosts.
func (b *Tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			var parts []string
			for _, a := range e.Args {
				parts = append(parts, string(a.Value), a.Description)
			}
			b.troubles = append(b.troubles, "console: "+strings.Join(parts, " "))
		}
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, "exception: "+e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			b.troubles = append(b.troubles, fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || b.host != "" && u.Host != b.host && u.Scheme != "data" {
			b.troubles = append(b.troubles, "request to another host: "+e.Request.URL)
		}
	}
}

// Troubles returns the errors since the previous call.
func (b *Tab) Troubles() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.troubles
	b.troubles = nil
	return list
}

// Do runs actions in the tab.
func (b *Tab) Do(t testing.TB, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		t.Fatalf("%s: %v", b.Look.Name, err)
	}
}

// Visit opens a page and waits until it is loaded.
func (b *Tab) Visit(t testing.TB, address string) {
	t.Helper()
	if u, err := url.Parse(address); err == nil {
		b.mu.Lock()
		b.host = u.Host
		b.mu.Unlock()
	}
	b.Do(t, chromedp.Navigate(address), chromedp.WaitReady("footer"))
}

// Value returns the value of a JavaScript expression.
func Value[T any](t testing.TB, b *Tab, expression string) T {
	t.Helper()
	var v T
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })); err != nil {
		t.Fatalf("%s: %s: %v", b.Look.Name, expression, err)
	}
	return v
}

// Await waits until a JavaScript expression is true.
func (b *Tab) Await(t testing.TB, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		var is bool
		if err := chromedp.Run(ctx, chromedp.Evaluate("!!("+expression+")", &is)); err == nil && is {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not true within %v: %s\n%s", b.Look.Name, patience, expression, Value[string](t, b, "location.href+' '+document.body.innerText.slice(0,2000)"))
		case <-tick.C:
		}
	}
}

// Sideways returns by how many pixels the page is wider than its window.
func (b *Tab) Sideways(t testing.TB) int {
	t.Helper()
	return Value[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
}

// Painted returns the time of the first contentful paint.
func (b *Tab) Painted(t testing.TB) time.Duration {
	t.Helper()
	b.Await(t, "performance.getEntriesByName('first-contentful-paint').length")
	ms := Value[float64](t, b, "performance.getEntriesByName('first-contentful-paint')[0].startTime")
	return time.Duration(ms * float64(time.Millisecond))
}

// Axe returns the violations that axe-core finds on the page: rules, each with the first elements
// that break it.
func (b *Tab) Axe(t testing.TB) []string {
	t.Helper()
	source := string(peers.NodeModule(t, "axe-core/axe.min.js"))
	type finding struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	}
	text := Value[string](t, b, source+";axe.run(document,{resultTypes:['violations']}).then(r=>JSON.stringify(r.violations))")
	var findings []finding
	if err := json.Unmarshal([]byte(text), &findings); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range findings {
		line := fmt.Sprintf("%s: %s (%d)", f.ID, f.Help, len(f.Nodes))
		for _, n := range f.Nodes[:min(len(f.Nodes), 2)] {
			line += fmt.Sprintf("\n    %.200s\n    %.300s", n.HTML, n.Summary)
		}
		list = append(list, line)
	}
	return list
}

// Picture writes a PNG of the whole page to the directory of artifacts.
func (b *Tab) Picture(t testing.TB, name string) {
	t.Helper()
	var png []byte
	b.Do(t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
		if err != nil {
			return err
		}
		clip := &page.Viewport{Width: size.Width, Height: min(size.Height, 6000), Scale: 1}
		png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithClip(clip).Do(ctx)
		return err
	}))
	if err := os.WriteFile(filepath.Join(Artifacts(t), name+"-"+b.Look.Name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Artifacts returns the directory for output that people inspect: TRAPLINE_ARTIFACTS, or a
// temporary one.
func Artifacts(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TRAPLINE_ARTIFACTS")
	if dir == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
