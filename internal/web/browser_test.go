package web

import (
	"net"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"trapline/internal/peers/browser"
)

// serveFleet serves the pages of n targets on a loopback address and gives their URL.
func serveFleet(t testing.TB, n int) string {
	t.Helper()
	_, url := serveTheFleet(t, n)
	return url
}

func serveTheFleet(t testing.TB, n int) (*fleet, string) {
	t.Helper()
	f := newFleetAt(n, time.Now().Truncate(time.Second))
	listener, err := net.Listen("tcp", "127.0.63.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(serve(fleetOptions(f)))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return f, server.URL
}

var unsafeName = regexp.MustCompile(`[^a-z0-9]+`)

// pictureName turns a path into a name of a file.
func pictureName(path string) string {
	if name := strings.Trim(unsafeName.ReplaceAllString(strings.ToLower(path), "-"), "-"); name != "" {
		return "fleet-" + name
	}
	return "fleet-overview"
}

// Every page, in each look: no errors, nothing from elsewhere, no barriers, no sideways scrolling.
func TestPagesInABrowser(t *testing.T) {
	base := serveFleet(t, 10000)
	for _, look := range []browser.Look{browser.Light, browser.Dark, browser.Phone} {
		t.Run(look.Name, func(t *testing.T) {
			t.Parallel()
			tab := browser.Open(t, browser.Start(t), look) // of its own: a hidden tab does not paint
			pages := fleetPages
			if look.Name == browser.Light.Name {
				pages = allPages
			}
			for _, path := range pages {
				tab.Visit(t, base+path)
				painted := tab.Painted(t)
				if found := tab.Axe(t); len(found) > 0 {
					t.Errorf("%s: %d findings of axe:\n  %s", path, len(found), strings.Join(found, "\n  "))
				}
				if n := tab.Sideways(t); n > 0 {
					t.Errorf("%s: %d pixels wider than its window", path, n)
				}
				tab.Picture(t, pictureName(path))
				if list := tab.Troubles(); len(list) > 0 {
					t.Errorf("%s: %s", path, strings.Join(list, "\n  "))
				}
				t.Logf("%s: first content after %v", path, painted.Round(time.Millisecond))
			}
		})
	}
}

// Searching while typing keeps the focus and puts the query into the URL, and the back button restores it.
func TestSearchWhileTyping(t *testing.T) {
	base := serveFleet(t, 10000)
	tab := browser.Open(t, browser.Start(t), browser.Light)
	tab.Visit(t, base+"/targets")
	tab.Do(t, chromedp.Click("#find"), chromedp.SendKeys("#find", "core-00"))
	tab.Await(t, "document.querySelectorAll('#list tbody tr').length === 100 && [...document.querySelectorAll('#list tbody td:nth-child(2) a')].every(a => a.textContent.startsWith('core-00'))")
	tab.Await(t, "location.search === '?q=core-00'")
	if focus := browser.Value[string](t, tab, "document.activeElement.id+' '+document.activeElement.value"); focus != "find core-00" {
		t.Errorf("the focus is on %q", focus)
	}
	tab.Do(t, chromedp.SendKeys("#find", "12"))
	tab.Await(t, "location.search === '?q=core-0012' && document.querySelectorAll('#list tbody tr').length === 1")
	tab.Do(t, chromedp.Evaluate("history.back()", nil))
	tab.Await(t, "location.search === '?q=core-00' && document.querySelectorAll('#list tbody tr').length === 100 && document.getElementById('find').value === 'core-00'")
	tab.Do(t, chromedp.Click("#t-core-0012 a"))
	tab.Await(t, "location.pathname === '/targets/core-0012' && document.querySelector('h1').textContent === 'core-0012'")
	tab.Do(t, chromedp.Evaluate("history.back()", nil))
	tab.Await(t, "location.search === '?q=core-00' && document.querySelectorAll('#list tbody tr').length === 100")
	if list := tab.Troubles(); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
}

// Polls of a fragment keep the focus where it is.
func TestPollingKeepsTheFocus(t *testing.T) {
	base := serveFleet(t, 300)
	tab := browser.Open(t, browser.Start(t), browser.Light)
	tab.Visit(t, base+"/targets")
	tab.Do(t, chromedp.Evaluate("document.querySelector('#t-edge-0003 a').focus(); window.swaps = 0; document.addEventListener('htmx:after:swap', () => window.swaps++)", nil))
	tab.Await(t, "htmx.trigger(document.getElementById('list'), 'every', {}, false), window.swaps > 0")
	if focus := browser.Value[string](t, tab, "document.activeElement.textContent"); focus != "edge-0003" {
		t.Errorf("the focus is on %q", focus)
	}
	tab.Do(t, chromedp.KeyEvent("g"), chromedp.KeyEvent("o"))
	tab.Await(t, "location.pathname === '/' && document.readyState === 'complete'")
	tab.Do(t, chromedp.KeyEvent("?"))
	tab.Await(t, "document.getElementById('keys').open")
	if list := tab.Troubles(); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
}

// Without JavaScript every page has the same content, and forms and links work as with scripts.
func TestWithoutJavaScript(t *testing.T) {
	base := serveFleet(t, 10000)
	tab := browser.Open(t, browser.Start(t), browser.Script)
	for _, path := range allPages {
		tab.Visit(t, base+path)
		if browser.Value[bool](t, tab, "document.querySelector('main').innerText.trim().length < 100") {
			t.Errorf("%s is empty", path)
		}
	}
	tab.Visit(t, base+"/targets")
	tab.Do(t, chromedp.SendKeys("#find", "core-0012"), chromedp.Submit("#find"))
	tab.Await(t, "location.search.includes('q=core-0012') && document.querySelectorAll('#list tbody tr').length === 1")
	tab.Do(t, chromedp.Click("#list tbody a"))
	tab.Await(t, "document.querySelector('h1').textContent === 'core-0012' && document.querySelectorAll('table tbody tr').length > 50")
	if browser.Value[bool](t, tab, "!document.querySelector('#chart svg path')") {
		t.Error("the chart is missing")
	}
	if list := tab.Troubles(); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
}

// Pages do not hold connections: thirty at once are all served.
func TestManyPagesAtOnce(t *testing.T) {
	base := serveFleet(t, 1000)
	tab := browser.Open(t, browser.Start(t), browser.Light)
	tab.Visit(t, base+"/targets")
	n := browser.Value[int](t, tab, `Promise.all([...Array(30).keys()].map(i => new Promise(done => {
		const f = document.createElement('iframe'); f.src = '/static/icon.svg?' + i; f.onload = () => done(1); f.onerror = () => done(0);
		fetch('/targets?q=' + i).then(r => r.text()).then(t => done(t.includes('</html>') ? 1 : 0), () => done(0));
	}))).then(l => l.reduce((a, b) => a + b))`)
	if n != 30 {
		t.Errorf("%d of 30 pages came", n)
	}
}

// An alarm is acknowledged and silenced by forms that need no script, and whose fields have names.
func TestFormsOfAnAlarm(t *testing.T) {
	f, base := serveTheFleet(t, 10)
	tab := browser.Open(t, browser.Start(t), browser.Script)
	tab.Visit(t, base+"/alarms/9f2c1")
	const ack, silence = `form[action$="/ack"]`, `form[action$="/silence"]`
	tab.Do(t, chromedp.SendKeys(ack+" [name=comment]", "known"), chromedp.SendKeys(ack+" [name=by]", "anna"), chromedp.Click(ack+" button"))
	tab.Await(t, "location.search === '?done=ack' && document.querySelector('.notice').textContent.includes('acknowledged')")
	tab.Do(t, chromedp.SendKeys(silence+" [name=comment]", "known"), chromedp.SendKeys(silence+" [name=by]", "anna"), chromedp.Click(silence+` button[value="4h"]`))
	tab.Await(t, "location.search === '?done=silence' && document.querySelector('.notice').textContent.includes('silenced')")
	const clear = `form[action$="/clear"]`
	tab.Do(t, chromedp.SendKeys(clear+" [name=comment]", "replaced"), chromedp.SendKeys(clear+" [name=by]", "anna"), chromedp.Click(clear+" button"))
	tab.Await(t, "document.body.innerText.includes('Clear this alarm?')")
	tab.Do(t, chromedp.Click("main button.primary"))
	tab.Await(t, "location.search === '?done=clear' && document.querySelector('.notice').textContent.includes('cleared')")
	tab.Visit(t, base+"/alarms?state=muted")
	tab.Do(t, chromedp.Click(`a[href="/silences"]`))
	tab.Await(t, "document.querySelector('h1').textContent === 'Silences'")
	const form = `#new form`
	tab.Do(t, chromedp.SendKeys(form+" [name=matchers]", `site="berlin"`), chromedp.SendKeys(form+" [name=comment]", "upgrade"), chromedp.SendKeys(form+" [name=by]", "anna"), chromedp.Click(form+" button"))
	tab.Await(t, "document.body.innerText.includes('It would mute 120 alarms')")
	tab.Do(t, chromedp.Click("main button.primary"))
	tab.Await(t, "location.search === '?done=add'")
	tab.Do(t, chromedp.Click(`#list form[action$="/expire"] button`))
	tab.Await(t, "location.search === '?done=expire'")
	want := []string{"ack 9f2c1 by anna known", "silence 9f2c1 for 4h by anna: known", "clear 9f2c1 by anna: replaced", `silence site="berlin" for 2h by anna: upgrade`, "expire 2f1c0a4e-77aa-4c0e-8f6e-000000000000"}
	if !slices.Equal(f.done, want) {
		t.Errorf("done: %q", f.done)
	}
	if list := tab.Troubles(); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
}
