package alerting

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/outbox"
	"trapline/internal/traps"
)

// Clear ends the conditions of an active alarm that wait for a return: those of trap rules, and those of rules whose row
// is gone and that are kept. If others are left, it is active nevertheless, and the error says why.
func (c *Console) Clear(id string, by api.Clear) error {
	if c.outbox() == nil {
		return errNoStore
	}
	if err := checkBy(by.By, by.Comment); err != nil {
		return err
	}
	conditions := c.outbox().ConditionsOf(id)
	if len(conditions) == 0 {
		return api.Errorf(api.ErrNotFound, "%w: %q", outbox.ErrNoAlarm, id)
	}
	reason := "cleared by " + by.By
	if by.Comment != "" {
		reason += ": " + by.Comment
	}
	var left error
	for i := range conditions {
		why, err := c.clear(&conditions[i], reason)
		if err != nil {
			return err
		}
		left = cmp.Or(left, why)
	}
	return left
}

// clear ends a condition, or returns why it does not end by hand.
func (c *Console) clear(condition *alarm.Alarm, reason string) (why, err error) {
	if strings.HasPrefix(condition.ID, traps.SourcePrefix) {
		return nil, c.outbox().Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: condition.ID, Reason: reason}}}, time.Now())
	}
	if c.rules != nil {
		known, cleared, err := c.rules.ClearKept(condition.Target, condition.ID, reason)
		if known || err != nil {
			if !cleared && err == nil {
				why = fmt.Errorf("its rule %s still fires, or %s does not answer", condition.Rule, condition.Target)
			}
			return notCleared(why), err
		}
	}
	return notCleared(fmt.Errorf("it ends when the rule or the sender of %s ends it", condition.Rule)), nil
}

func notCleared(why error) error {
	if why == nil {
		return nil
	}
	return api.WithHint(api.Errorf(api.ErrBusy, "the alarm is not cleared: %w", why), "acknowledge or silence it; alarms of trap rules and those with trap_row_gone: keep are cleared by hand")
}
