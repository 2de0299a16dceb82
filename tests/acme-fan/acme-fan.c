// SPDX-License-Identifier: GPL-2.0-only
/*
 * acme-fan - a fan behind a platform controller, ACPI device ACME0001. There
 * is no such hardware: the driver is the good one from which tests/broken/list
 * makes drivers with one mistake each.
 *
 * The device's _DSD names two PCC subspaces, "pcc-channels": one of type 3 for
 * commands and one of type 4, on which the platform tells that it has become
 * too hot, or cool again. In hwmon: pwm1, fan1_input, temp1_input,
 * temp1_crit_alarm.
 */

#include <linux/acpi.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/hwmon.h>
#include <linux/io.h>
#include <linux/mailbox_client.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/property.h>

#include <acpi/pcc.h>

/* Commands: a value follows the header; a status and a value answer it. */
#define ACME_FAN_SET		1
#define ACME_FAN_GET_RPM	2

/* Events: the temperature follows the header. */
#define ACME_FAN_HOT		1
#define ACME_FAN_COOL		2

/* How many times the nominal latency a command may take */
#define ACME_FAN_LATENCY_FACTOR	500

/**
 * struct acme_fan_channel - one of the two subspaces
 * @client:	our side of the mailbox channel
 * @chan:	the channel
 * @id:		subspace id, the index of the PCCT entry
 * @complete:	command complete check register
 * @complete_mask: bits of it that count
 */
struct acme_fan_channel {
	struct mbox_client client;
	struct pcc_mbox_chan *chan;
	u32 id;
	struct acpi_generic_address complete;
	u64 complete_mask;
};

/**
 * struct acme_fan - the device
 * @dev:	the platform device
 * @commands:	the subspace to the platform
 * @events:	the subspace from the platform
 * @lock:	one command at a time
 * @done:	the platform has completed the command
 * @pending:	the shared memory is the platform's
 * @level:	what was set last, 0 to 255
 * @celsius:	of the last event
 * @hot:	the last event was that it is too hot
 */
struct acme_fan {
	struct device *dev;
	struct acme_fan_channel commands;
	struct acme_fan_channel events;
	struct mutex lock; /* see above */
	struct completion done;
	bool pending;
	u8 level;
	u32 celsius;
	bool hot;
};

/* Interrupt context */
static void acme_fan_done(struct mbox_client *client, void *unused)
{
	struct acme_fan *fan = container_of(client, struct acme_fan,
					    commands.client);

	WRITE_ONCE(fan->pending, false);
	complete(&fan->done);
}

/* Interrupt context. The PCC core acknowledges when we return. */
static void acme_fan_event(struct mbox_client *client, void *unused)
{
	struct acme_fan *fan = container_of(client, struct acme_fan,
					    events.client);
	struct pcc_mbox_chan *chan = READ_ONCE(fan->events.chan);
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr;

	/* One that comes while the channel is requested: it is not ours yet */
	if (IS_ERR_OR_NULL(chan))
		return;
	hdr = chan->shmem;
	WRITE_ONCE(fan->celsius, ioread32(hdr + 1));
	WRITE_ONCE(fan->hot, ioread32(&hdr->command) == ACME_FAN_HOT);
}

/*
 * The platform has completed the command that was given up, but no interrupt
 * has said so: the channel is free.
 */
static bool acme_fan_recovers(struct acme_fan *fan)
{
	u64 value;

	if (ACPI_FAILURE(acpi_read(&value, &fan->commands.complete)) ||
	    !(value & fan->commands.complete_mask))
		return false;
	mbox_chan_txdone(fan->commands.chan->mchan, 0);
	return true;
}

static int acme_fan_command(struct acme_fan *fan, u32 command, u32 value,
			    u32 *answer)
{
	struct pcc_mbox_chan *chan = fan->commands.chan;
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr = chan->shmem;
	u32 __iomem *space = (u32 __iomem *)(hdr + 1);
	u64 wait = (u64)chan->latency * ACME_FAN_LATENCY_FACTOR;
	int rc;

	guard(mutex)(&fan->lock);

	/* ACPI 6.5, 14.5: the memory is ours only while no command is pending */
	if (READ_ONCE(fan->pending) && !acme_fan_recovers(fan))
		return -EBUSY;

	reinit_completion(&fan->done);
	WRITE_ONCE(fan->pending, true);

	iowrite32(PCC_SIGNATURE | fan->commands.id, &hdr->signature);
	iowrite32(PCC_CMD_COMPLETION_NOTIFY, &hdr->flags);
	iowrite32(sizeof(command) + sizeof(value), &hdr->length);
	iowrite32(command, &hdr->command);
	iowrite32(value, space);

	rc = mbox_send_message(chan->mchan, fan);
	if (rc < 0) {
		WRITE_ONCE(fan->pending, false);
		return rc;
	}
	if (!wait_for_completion_timeout(&fan->done, usecs_to_jiffies(wait))) {
		dev_err(fan->dev, "command %u: no answer within %llu us\n",
			command, wait);
		return -ETIMEDOUT;
	}

	if (ioread32(space))
		return -EINVAL;
	if (answer)
		*answer = ioread32(space + 1);
	return 0;
}

static umode_t acme_fan_is_visible(const void *data,
				   enum hwmon_sensor_types type, u32 attr,
				   int channel)
{
	return type == hwmon_pwm ? 0644 : 0444;
}

static int acme_fan_read(struct device *dev, enum hwmon_sensor_types type,
			 u32 attr, int channel, long *val)
{
	struct acme_fan *fan = dev_get_drvdata(dev);
	u32 rpm;
	int rc;

	switch (type) {
	case hwmon_fan:
		rc = acme_fan_command(fan, ACME_FAN_GET_RPM, 0, &rpm);
		if (!rc)
			*val = rpm;
		return rc;
	case hwmon_pwm:
		*val = READ_ONCE(fan->level);
		return 0;
	case hwmon_temp:
		if (attr == hwmon_temp_crit_alarm)
			*val = READ_ONCE(fan->hot);
		else
			*val = READ_ONCE(fan->celsius) * 1000;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int acme_fan_write(struct device *dev, enum hwmon_sensor_types type,
			  u32 attr, int channel, long val)
{
	struct acme_fan *fan = dev_get_drvdata(dev);
	int rc;

	if (val < 0 || val > 255)
		return -ERANGE;

	rc = acme_fan_command(fan, ACME_FAN_SET, val, NULL);
	if (!rc)
		WRITE_ONCE(fan->level, val);
	return rc;
}

static const struct hwmon_ops acme_fan_ops = {
	.is_visible = acme_fan_is_visible,
	.read = acme_fan_read,
	.write = acme_fan_write,
};

static const struct hwmon_channel_info *const acme_fan_info[] = {
	HWMON_CHANNEL_INFO(fan, HWMON_F_INPUT),
	HWMON_CHANNEL_INFO(pwm, HWMON_PWM_INPUT),
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_CRIT_ALARM),
	NULL
};

static const struct hwmon_chip_info acme_fan_chip = {
	.ops = &acme_fan_ops,
	.info = acme_fan_info,
};

/*
 * Not with pcc_mbox_free_channel(), which (7.3) unmaps the shared memory that
 * interrupt handlers read, the PCC core's and ours, before it frees the
 * interrupt.
 */
static void acme_fan_free(void *data)
{
	struct pcc_mbox_chan *chan = data;

	mbox_free_channel(chan->mchan);
	if (chan->shmem) {
		iounmap(chan->shmem);
		chan->shmem = NULL;
	}
}

/* What the PCC core does not tell of a subspace of type 3 or 4 */
static int acme_fan_read_pcct(struct acme_fan_channel *it)
{
	const struct acpi_pcct_ext_pcc_master *entry;
	struct acpi_table_header *pcct;
	u32 pos = sizeof(struct acpi_table_pcct);
	int rc = -ENOENT;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_PCCT, 0, &pcct)))
		return -ENODEV;
	for (u32 id = 0; pos + sizeof(entry->header) <= pcct->length; id++) {
		entry = (const void *)pcct + pos;
		if (!entry->header.length ||
		    entry->header.length > pcct->length - pos)
			break;
		pos += entry->header.length;
		if (id < it->id)
			continue;
		if (entry->header.length >= sizeof(*entry)) {
			it->complete = entry->cmd_complete_register;
			it->complete_mask = entry->cmd_complete_mask;
			rc = 0;
		}
		break;
	}
	acpi_put_table(pcct);
	return rc;
}

static int acme_fan_request(struct acme_fan *fan, struct acme_fan_channel *it,
			    u32 id, void (*rx)(struct mbox_client *, void *))
{
	int rc;

	it->id = id;
	rc = acme_fan_read_pcct(it);
	if (rc)
		return dev_err_probe(fan->dev, rc, "no PCC subspace %u\n", id);
	it->client.dev = fan->dev;
	it->client.rx_callback = rx;
	it->chan = pcc_mbox_request_channel(&it->client, id);
	if (IS_ERR(it->chan))
		return dev_err_probe(fan->dev, PTR_ERR(it->chan),
				     "cannot get PCC subspace %u\n", id);
	return devm_add_action_or_reset(fan->dev, acme_fan_free, it->chan);
}

static int acme_fan_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct acme_fan *fan;
	struct device *hwmon;
	u32 ids[2];
	int rc;

	rc = device_property_read_u32_array(dev, "pcc-channels", ids,
					    ARRAY_SIZE(ids));
	if (rc)
		return dev_err_probe(dev, rc, "no pcc-channels\n");

	fan = devm_kzalloc(dev, sizeof(*fan), GFP_KERNEL);
	if (!fan)
		return -ENOMEM;

	fan->dev = dev;
	mutex_init(&fan->lock);
	init_completion(&fan->done);
	/* Whoever had the channel before may have left a command pending */
	fan->pending = true;

	rc = acme_fan_request(fan, &fan->commands, ids[0], acme_fan_done);
	if (rc)
		return rc;
	rc = acme_fan_request(fan, &fan->events, ids[1], acme_fan_event);
	if (rc)
		return rc;

	hwmon = devm_hwmon_device_register_with_info(dev, "acme_fan", fan,
						     &acme_fan_chip, NULL);
	return PTR_ERR_OR_ZERO(hwmon);
}

static const struct acpi_device_id acme_fan_acpi_ids[] = {
	{ "ACME0001" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, acme_fan_acpi_ids);

static struct platform_driver acme_fan_driver = {
	.probe = acme_fan_probe,
	.driver = {
		.name = "acme-fan",
		.acpi_match_table = acme_fan_acpi_ids,
	},
};
module_platform_driver(acme_fan_driver);

MODULE_DESCRIPTION("A fan that there is not, for tests of PCC");
MODULE_AUTHOR("The pccd authors");
MODULE_LICENSE("GPL");
