package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/notify"
	"trapline/internal/runtimeconfig"
)

func addNotify(app *kingpin.Application, commands map[string]command) {
	c := app.Command("notify", "Try the receivers of the configuration; no server has to run.").Command("test", "Send a receiver of the configuration a test, with or without a server, and print whether it is acknowledged.")
	to := c.Flag("to", "Name of the receiver.").Required().String()
	notification := c.Flag("type", "Name or OID of the notification to send, such as coldStart; without it, that of the receiver's format.").String()
	server := addServerFlags(c)
	files, expandEnv := addConfigFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if server.named() {
			return testAtServer(ctx, server, *to, *notification)
		}
		w, err := runtimeconfig.Load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		text, err := testReceiver(ctx, w.Config, *to, *notification, logger)
		if err == nil {
			fmt.Println(text)
		}
		return err
	}
}

// testReceiver sends a test to a receiver, beside the server if that runs.
func testReceiver(ctx context.Context, c *config.Config, name, notification string, logger *slog.Logger) (string, error) {
	i := slices.IndexFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return r.Name == name })
	if i < 0 {
		var names []string
		for _, r := range c.Receivers {
			names = append(names, r.Name)
		}
		return "", usagef("the configuration has no receiver %q%s", name, didYouMean(name, names))
	}
	now := time.Now()
	event := notify.TestEvent(now)
	r := c.Receivers[i]
	if notification != "" {
		if err := r.TestBy(notification, event, c.Names); err != nil {
			return "", err
		}
	}
	identity, err := notify.Borrow(c.StateDir, c.Notifications.ID(), now)
	if err != nil {
		return "", err
	}
	route, err := notify.NewRoute(&r, &notify.Shared{
		Settings: &c.Notifications, Auths: c.Auths, Identity: identity, Metrics: notify.NewMetrics(prometheus.NewRegistry()), Names: c.Names, Logger: logger,
	})
	if err != nil {
		return "", err
	}
	receipt, err := route.Deliver(ctx, event, 0)
	if err != nil {
		return "", err
	}
	if receipt.RTT == 0 {
		return "sent; a trap is never acknowledged", nil
	}
	return fmt.Sprintf("acknowledged in %s", receipt.RTT.Round(10*time.Microsecond)), nil
}
