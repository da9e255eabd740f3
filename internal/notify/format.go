package notify

// formats make the formats in fallbackNames.
var formats = map[string]func(r *ReceiverSettings, c *Dependencies) format{
	formatAlarm:    newAlarmFormat,
	formatDisman:   func(r *ReceiverSettings, c *Dependencies) format { return dismanFormat(c.Names, r.Objects == minimal) },
	formatNotifier: func(*ReceiverSettings, *Dependencies) format { return notifierFormat },
}

// newFormat makes the format of a receiver.
func newFormat(r *ReceiverSettings, c *Dependencies) format {
	if name := r.formatName(c.Settings); name != formatTemplate {
		return formats[name](r, c)
	}
	return templateFormat(c.Names, formats[r.fallbackName(c.Settings)](r, c))
}

func newAlarmFormat(r *ReceiverSettings, c *Dependencies) format {
	if r.Profile == compact {
		return compactFormat(c.Settings.EnterpriseOID.OID, c.Names)
	}
	return alarmFormat(c.Settings.EnterpriseOID.OID, c.Names)
}
