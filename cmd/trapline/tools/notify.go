package tools

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/alarm"
	"trapline/internal/cli"
	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/runtimeconfig"
	"trapline/internal/statedir"
)

func addNotify(program *cli.Program) {
	c := program.App.Command("notify", "Try the receivers of the configuration; no server has to run.").Command("test", "Send a receiver of the configuration a test, with or without a server, and print whether it is acknowledged.")
	to := c.Flag("to", "Name of the receiver.").Required().String()
	notification := c.Flag("type", "Name or OID of the notification to send, such as coldStart; without it, that of the receiver's format.").String()
	server := cli.AddServerFlags(c)
	files, expandEnv := cli.AddConfigFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		if server.Named() {
			return cli.TestAtServer(ctx, server, *to, *notification)
		}
		w, err := runtimeconfig.Load(*files, *expandEnv, "")
		if err != nil {
			return err
		}
		text, err := TestReceiver(ctx, w.Config, *to, *notification, logger)
		if err == nil {
			fmt.Println(text)
		}
		return err
	}
}

// TestReceiver sends a test to a receiver, beside the server if that runs.
func TestReceiver(ctx context.Context, c *config.Config, name, notification string, logger *slog.Logger) (string, error) {
	i := slices.IndexFunc(c.Receivers, func(r notify.ReceiverSettings) bool { return r.Name == name })
	if i < 0 {
		var names []string
		for _, r := range c.Receivers {
			names = append(names, r.Name)
		}
		return "", cli.Usagef("the configuration has no receiver %q%s", name, cli.DidYouMean(name, names))
	}
	now := time.Now()
	event := alarm.TestEvent(now)
	r := c.Receivers[i]
	if notification != "" {
		if err := r.TestBy(notification, event, c.Names); err != nil {
			return "", err
		}
	}
	identity, err := statedir.ReadIdentity(c.StateDir, c.Notifications.ID(), now)
	if err != nil {
		return "", err
	}
	route, err := notify.NewRoute(&r, &notify.Dependencies{
		Settings: &c.Notifications, Auths: c.Auths, Identity: identity, Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Names: c.Names, Logger: logger,
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
