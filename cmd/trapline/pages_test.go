package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"trapline/internal/peers/browser"
)

// demoPages are pages of the demo, with the text of an element of each.
var demoPages = []struct{ path, picture, shows string }{
	{"/", "overview", "document.querySelector('.line b').textContent === '8'"},
	{"/targets", "targets", "document.querySelectorAll('#list .st.up').length === 8"},
	{"/targets/switch-1", "target", "document.querySelectorAll('#chart canvas').length === 1 && document.querySelectorAll('#live svg.spark').length > 40"},
	{"/targets/ups-1", "target-ups", "document.querySelector('h1').textContent === 'ups-1'"},
	{"/alarms?state=history", "history", "document.querySelectorAll('.sev.cleared').length > 1"},
	{"/rules", "rules", "document.getElementById('InterfaceDown').textContent.includes('works')"},
	{"/receivers", "receivers", "document.querySelector('#list .st.up')"},
	{"/targets/switch-1/why", "why", "document.querySelector('.verdict')"},
	{"/targets/switch-1/why?metric=ifHCInOctets", "why-metric", "document.querySelectorAll('ol.why li').length === 8"},
	{"/targets/switch-1/walk", "walk", "document.querySelector('button.primary:not(:disabled)')"},
	{"/configuration", "configuration", "document.querySelector('pre').textContent.includes('switch-1')"},
	{"/configuration?view=target&target=switch-1", "configuration-target", "document.querySelector('pre').textContent.includes('switch-1')"},
	{"/mibs", "mibs", "document.querySelector('#list').textContent.includes('IF-MIB')"},
	{"/mibs/IF-MIB::ifOperStatus", "mib", "document.querySelector('main').textContent.includes('lowerLayerDown')"},
	{"/modules", "modules", "document.querySelector('#list').textContent.includes('if_mib')"},
	{"/modules/if_mib", "module", "document.querySelector('main').textContent.includes('ifHCInOctets')"},
}

// The pages of the live demo show its devices, and an alarm that is raised and cleared; a poll and a walk are asked
// for by forms.
func TestPagesOfTheDemo(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t, browser.Start(t), browser.Light)
	base := "http://" + startDemo(t)
	tab.Visit(t, base+"/alarms")
	const now = "htmx.trigger(document.getElementById('list'), 'every', {}, false), " // a cable is pulled for less than a poll of the page
	tab.Await(t, now+"document.querySelector('#list tr[id^=a-]')?.textContent.includes('is down')")
	tab.Picture(t, "demo-alarm-raised")
	tab.Await(t, now+"document.querySelector('#list').textContent.includes('No alarms.')")
	for _, p := range demoPages {
		tab.Visit(t, base+p.path)
		tab.Await(t, p.shows)
		if found := tab.Axe(t); len(found) > 0 {
			t.Errorf("%s: %d findings of axe:\n  %s", p.path, len(found), strings.Join(found, "\n  "))
		}
		if n := tab.Sideways(t); n > 0 {
			t.Errorf("%s: %d pixels wider than its window", p.path, n)
		}
		tab.Picture(t, "demo-"+p.picture)
	}
	tab.Visit(t, base+"/targets/switch-1")
	tab.Do(t, chromedp.Click("form[action$='/poll'] button"))
	tab.Await(t, "document.querySelector('.notice')?.textContent === 'The target was polled.'")
	tab.Visit(t, base+"/targets/switch-1/walk")
	tab.Do(t, chromedp.SendKeys("input[name=what]", "ifDescr"), chromedp.Submit("input[name=what]"))
	tab.Await(t, "[...document.querySelectorAll('tbody tr')].some(r => r.textContent.includes('IF-MIB::ifDescr.1'))")
	tab.Picture(t, "demo-walked")
	if list := tab.Troubles(); len(list) > 0 {
		t.Errorf("%s", strings.Join(list, "\n"))
	}
}
