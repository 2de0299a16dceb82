// SPDX-License-Identifier: GPL-2.0-only
/*
 * mpam-fb - a client of MPAM-Fb (Arm DEN0144) for tests: the registers of
 * memory system components (MSCs) that only the platform reaches, by SCMI
 * messages over PCC. Linux 7.3 has no driver for them.
 *
 * It binds to ACPI device PCCD0003, takes the MSCs of the MPAM table whose
 * interface is PCC (Arm DEN0065), and offers each in debugfs, mpam-fb/ID/:
 *
 *   offset    of the register that is meant
 *   value     read: MPAM_MSC_READ of it; write: MPAM_MSC_WRITE
 *   version   read: PROTOCOL_VERSION
 *   repeat    write: so many MPAM_MSC_READ in a row, which must give the same
 *
 * What goes wrong is an errno: the platform's status (mpam_fb_errno()),
 * ETIMEDOUT, EAGAIN while a command that timed out is still the platform's,
 * EIO for error status of PCC, EBADMSG for an answer to something else.
 */

#include <linux/acpi.h>
#include <linux/bitfield.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/list.h>
#include <linux/mailbox_client.h>
#include <linux/mailbox_controller.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include <acpi/pcc.h>

/* SCMI's message header (Arm DEN0056), the command word of PCC */
#define MPAM_FB_MESSAGE		GENMASK(7, 0)
#define MPAM_FB_PROTOCOL	GENMASK(17, 10)
#define MPAM_FB_TOKEN		GENMASK(27, 18)
#define MPAM_FB_PROTOCOL_ID	0x1a

/* Messages: what they carry, what follows the status of the answer */
#define MPAM_FB_VERSION		0x0	/* - / version */
#define MPAM_FB_READ		0x4	/* MSC, flags, offset / value */
#define MPAM_FB_WRITE		0x5	/* MSC, flags, offset, value / - */
#define MPAM_FB_WORDS_MAX	4

#define MPAM_FB_MAJOR		GENMASK(31, 16)

/* Interface type of an MSC node: base_address is a subspace id */
#define MPAM_FB_INTERFACE_PCC	0x0a

/* How many times the nominal latency a command may take, as Linux has it */
#define MPAM_FB_LATENCY_FACTOR	500

/* See pcc-client.c. */
#if defined(PCC_ACK_FLAG_MASK) || defined(PCC_CORE_MAPS_NOTHING)
#define MPAM_FB_CORE_TICKS	false
#else
#define MPAM_FB_CORE_TICKS	true
#endif

/**
 * struct mpam_fb_chan - a subspace, which may serve several MSCs
 * @client:	our side of the mailbox channel
 * @chan:	the channel
 * @shmem:	our own mapping of the shared memory
 * @list:	place among the device's
 * @id:		subspace id, the index of the PCCT entry
 * @complete_mask: bits of @complete that count
 * @error_mask:	bits of @error that count
 * @complete:	command complete check register
 * @error:	error status register
 * @lock:	one command at a time
 * @done:	the interrupt says that the command is complete
 * @pending:	the shared memory is the platform's
 * @token:	of the last command: 10 bits, as the answer has it
 */
struct mpam_fb_chan {
	struct mbox_client client;
	struct pcc_mbox_chan *chan;
	void __iomem *shmem;
	struct list_head list;
	u32 id;
	u64 complete_mask;
	u64 error_mask;
	struct acpi_generic_address complete;
	struct acpi_generic_address error;
	struct mutex lock; /* see above */
	struct completion done;
	bool pending;
	u32 token;
};

/**
 * struct mpam_fb_msc - one MSC
 * @chan:	how the platform is asked
 * @id:		its identifier
 * @offset:	of the register that is meant
 */
struct mpam_fb_msc {
	struct mpam_fb_chan *chan;
	u32 id;
	u32 offset;
};

/**
 * struct mpam_fb - the device
 * @dev:	the platform device
 * @dir:	its folder in debugfs
 * @chans:	subspaces
 */
struct mpam_fb {
	struct device *dev;
	struct dentry *dir;
	struct list_head chans;
};

/* Status codes of SCMI (Arm DEN0056) */
static int mpam_fb_errno(s32 status)
{
	static const int errors[] = {
		0, EOPNOTSUPP, EINVAL, EACCES, ENOENT, ERANGE, EBUSY, ECOMM,
		EIO, EREMOTEIO, EPROTO,
	};

	if (status > 0 || status <= -(int)ARRAY_SIZE(errors))
		return -EIO;
	return -errors[-status];
}

/* Interrupt context */
static void mpam_fb_rx(struct mbox_client *client, void *unused)
{
	struct mpam_fb_chan *fc = container_of(client, struct mpam_fb_chan,
					       client);

	complete(&fc->done);
}

static bool mpam_fb_complete(struct mpam_fb_chan *fc)
{
	u64 value;

	return ACPI_SUCCESS(acpi_read(&value, &fc->complete)) &&
	       value & fc->complete_mask;
}

/* Error status, which is taken back (ACPI 6.5, 14.5) */
static bool mpam_fb_error(struct mpam_fb_chan *fc)
{
	u64 value;

	if (ACPI_FAILURE(acpi_read(&value, &fc->error)) ||
	    !(value & fc->error_mask))
		return false;
	acpi_write(value & ~fc->error_mask, &fc->error);
	return true;
}

/* Tells the mailbox core that the command is over. */
static void mpam_fb_tick(struct mpam_fb_chan *fc)
{
	struct mbox_chan *mchan = fc->chan->mchan;

	if (mchan->mbox->txdone_irq)
		mbox_chan_txdone(mchan, 0);
	else
		mbox_client_txdone(mchan, 0);
}

static unsigned long mpam_fb_patience_us(struct mpam_fb_chan *fc)
{
	return max(fc->chan->latency, 1U) * MPAM_FB_LATENCY_FACTOR;
}

/* Waits until the command is complete. */
static int mpam_fb_wait(struct mpam_fb_chan *fc)
{
	unsigned long wait = mpam_fb_patience_us(fc);
	bool done;

	if (fc->chan->mchan->mbox->txdone_irq) {
		/*
		 * The PCC core keeps error status from us: that is silence.
		 * And an interrupt may be that of a command given up before.
		 */
		do {
			if (!wait_for_completion_timeout(&fc->done,
							 usecs_to_jiffies(wait)))
				return -ETIMEDOUT;
		} while (!mpam_fb_complete(fc));
		fc->pending = false;
		if (!MPAM_FB_CORE_TICKS)
			mpam_fb_tick(fc);
		return 0;
	}
	if (read_poll_timeout(mpam_fb_complete, done, done, 50, wait, false, fc))
		return -ETIMEDOUT;
	fc->pending = false;
	mpam_fb_tick(fc);
	return mpam_fb_error(fc) ? -EIO : 0;
}

static void mpam_fb_write(struct mpam_fb_chan *fc, u32 command,
			  const u32 *words, unsigned int count)
{
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr = fc->shmem;
	u32 __iomem *payload = (u32 __iomem *)(hdr + 1);
	bool irq = fc->chan->mchan->mbox->txdone_irq;

	iowrite32(PCC_SIGNATURE | fc->id, &hdr->signature);
	iowrite32(irq ? PCC_CMD_COMPLETION_NOTIFY : 0, &hdr->flags);
	/* Counts the command and what follows it. */
	iowrite32(sizeof(command) + count * sizeof(*words), &hdr->length);
	iowrite32(command, &hdr->command);
	for (unsigned int i = 0; i < count; i++)
		iowrite32(words[i], payload + i);
}

/* What the platform answered to @command: a status, and with it @value */
static int mpam_fb_answer(struct mpam_fb_chan *fc, u32 command, u32 *value)
{
	struct acpi_pcct_ext_pcc_shared_memory __iomem *hdr = fc->shmem;
	u32 __iomem *payload = (u32 __iomem *)(hdr + 1);
	u32 got = ioread32(&hdr->command);
	u32 length = ioread32(&hdr->length);
	int rc;

	if (FIELD_GET(MPAM_FB_TOKEN, got) != fc->token ||
	    length < sizeof(got) + sizeof(u32)) {
		dev_err(fc->client.dev,
			"command %#x: the answer is to %#x, of length %u\n",
			command, got, length);
		return -EBADMSG;
	}
	rc = mpam_fb_errno(ioread32(payload));
	if (rc || !value)
		return rc;
	if (length < sizeof(got) + 2 * sizeof(u32)) {
		dev_err(fc->client.dev, "command %#x: no value\n", command);
		return -EBADMSG;
	}
	*value = ioread32(payload + 1);
	return 0;
}

static int mpam_fb_command(struct mpam_fb_chan *fc, u32 message,
			   const u32 *words, unsigned int count, u32 *value)
{
	u32 command;
	int rc;

	mutex_lock(&fc->lock);

	/* ACPI 6.5, 14.5: the memory is ours only while no command is pending */
	rc = -EAGAIN;
	if (fc->pending) {
		if (!mpam_fb_complete(fc))
			goto out_unlock;
		mpam_fb_error(fc);
		mpam_fb_tick(fc);
	}

	fc->token = (fc->token + 1) & FIELD_MAX(MPAM_FB_TOKEN);
	command = FIELD_PREP(MPAM_FB_MESSAGE, message) |
		  FIELD_PREP(MPAM_FB_PROTOCOL, MPAM_FB_PROTOCOL_ID) |
		  FIELD_PREP(MPAM_FB_TOKEN, fc->token);

	reinit_completion(&fc->done);
	fc->pending = true;
	mpam_fb_write(fc, command, words, count);
	rc = mbox_send_message(fc->chan->mchan, fc);
	if (rc < 0) {
		fc->pending = false;
		goto out_unlock;
	}
	rc = mpam_fb_wait(fc);
	if (rc == -ETIMEDOUT)
		dev_err(fc->client.dev, "command %#x: no answer within %lu us\n",
			command, mpam_fb_patience_us(fc));
	if (!rc)
		rc = mpam_fb_answer(fc, command, value);

out_unlock:
	mutex_unlock(&fc->lock);
	return rc;
}

/* --- debugfs ------------------------------------------------------------ */

static int mpam_fb_msc_read(struct mpam_fb_msc *msc, u32 *value)
{
	u32 words[] = { msc->id, 0, READ_ONCE(msc->offset) };

	return mpam_fb_command(msc->chan, MPAM_FB_READ, words,
			       ARRAY_SIZE(words), value);
}

static int mpam_fb_value_get(void *data, u64 *value)
{
	u32 got = 0;
	int rc = mpam_fb_msc_read(data, &got);

	*value = got;
	return rc;
}

static int mpam_fb_value_set(void *data, u64 value)
{
	struct mpam_fb_msc *msc = data;
	u32 words[] = { msc->id, 0, READ_ONCE(msc->offset), value };

	if (value > U32_MAX)
		return -ERANGE;
	return mpam_fb_command(msc->chan, MPAM_FB_WRITE, words,
			       ARRAY_SIZE(words), NULL);
}

DEFINE_SIMPLE_ATTRIBUTE(mpam_fb_value_fops, mpam_fb_value_get,
			mpam_fb_value_set, "0x%08llx\n");

static int mpam_fb_version_get(void *data, u64 *value)
{
	struct mpam_fb_msc *msc = data;
	u32 got = 0;
	int rc = mpam_fb_command(msc->chan, MPAM_FB_VERSION, NULL, 0, &got);

	*value = got;
	return rc;
}

DEFINE_SIMPLE_ATTRIBUTE(mpam_fb_version_fops, mpam_fb_version_get, NULL,
			"0x%08llx\n");

static int mpam_fb_repeat_set(void *data, u64 count)
{
	u32 first = 0, value;
	int rc;

	for (u64 i = 0; i < count; i++) {
		rc = mpam_fb_msc_read(data, &value);
		if (rc)
			return rc;
		if (!i)
			first = value;
		if (value != first)
			return -EIO;
	}
	return 0;
}

DEFINE_SIMPLE_ATTRIBUTE(mpam_fb_repeat_fops, NULL, mpam_fb_repeat_set, "%llu\n");

/* --- the device --------------------------------------------------------- */

/* What the PCC core does not tell of a subspace of type 3 */
static int mpam_fb_read_entry(struct mpam_fb_chan *fc,
			      const struct acpi_table_header *pcct)
{
	const struct acpi_pcct_ext_pcc_master *entry = NULL;
	u32 pos = sizeof(struct acpi_table_pcct);

	for (u32 id = 0; id <= fc->id; id++) {
		entry = (const void *)pcct + pos;
		if (pos + sizeof(entry->header) > pcct->length ||
		    !entry->header.length ||
		    entry->header.length > pcct->length - pos)
			return -ENOENT;
		pos += entry->header.length;
	}
	if (entry->header.type != ACPI_PCCT_TYPE_EXT_PCC_MASTER_SUBSPACE ||
	    entry->header.length < sizeof(*entry))
		return -EINVAL;
	fc->complete = entry->cmd_complete_register;
	fc->complete_mask = entry->cmd_complete_mask;
	fc->error = entry->error_status_register;
	fc->error_mask = entry->error_status_mask;
	return 0;
}

/* Registers of MSCs are read and written in this subspace. */
static int mpam_fb_open(struct mpam_fb_chan *fc)
{
	size_t need = sizeof(struct acpi_pcct_ext_pcc_shared_memory) +
		      MPAM_FB_WORDS_MAX * sizeof(u32);
	struct acpi_table_header *pcct;
	u32 version;
	bool free;
	int rc;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_PCCT, 0, &pcct)))
		return -ENODEV;
	rc = mpam_fb_read_entry(fc, pcct);
	acpi_put_table(pcct);
	if (rc)
		return dev_err_probe(fc->client.dev, rc,
				     "PCC subspace %u is none of type 3\n",
				     fc->id);

	fc->client.rx_callback = mpam_fb_rx;
	/* Without platform interrupts: we tell when a command is complete. */
	fc->client.knows_txdone = true;
	fc->chan = pcc_mbox_request_channel(&fc->client, fc->id);
	if (IS_ERR(fc->chan))
		return dev_err_probe(fc->client.dev, PTR_ERR(fc->chan),
				     "cannot get PCC subspace %u\n", fc->id);

	rc = -ENOMEM;
	if (fc->chan->shmem_size < need) {
		dev_warn(fc->client.dev,
			 "PCC subspace %u: %llu bytes of memory, MPAM-Fb needs %zu\n",
			 fc->id, fc->chan->shmem_size, need);
		goto out_free;
	}
	fc->shmem = acpi_os_map_iomem(fc->chan->shmem_base_addr,
				      fc->chan->shmem_size);
	if (!fc->shmem)
		goto out_free;

	/* Of a command that was given up when we were removed */
	rc = read_poll_timeout(mpam_fb_complete, free, free, 1000,
			       4 * mpam_fb_patience_us(fc), false, fc);
	if (!rc)
		rc = mpam_fb_command(fc, MPAM_FB_VERSION, NULL, 0, &version);
	if (rc) {
		dev_err(fc->client.dev, "PCC subspace %u: no version: %d\n",
			fc->id, rc);
		goto out_unmap;
	}
	if (FIELD_GET(MPAM_FB_MAJOR, version) != 1) {
		dev_err(fc->client.dev, "PCC subspace %u: MPAM-Fb %#x is not 1.x\n",
			fc->id, version);
		rc = -EPROTONOSUPPORT;
		goto out_unmap;
	}
	return 0;

out_unmap:
	acpi_os_unmap_iomem(fc->shmem, fc->chan->shmem_size);
out_free:
	pcc_mbox_free_channel(fc->chan);
	return rc;
}

/* The subspace of this id, opened when it is first asked for */
static struct mpam_fb_chan *mpam_fb_chan(struct mpam_fb *fb, u64 id)
{
	struct mpam_fb_chan *fc;
	int rc;

	list_for_each_entry(fc, &fb->chans, list)
		if (fc->id == id)
			return fc;
	if (id > U8_MAX)
		return ERR_PTR(-ENOENT);

	fc = devm_kzalloc(fb->dev, sizeof(*fc), GFP_KERNEL);
	if (!fc)
		return ERR_PTR(-ENOMEM);
	fc->id = id;
	fc->client.dev = fb->dev;
	mutex_init(&fc->lock);
	init_completion(&fc->done);
	rc = mpam_fb_open(fc);
	if (rc)
		return ERR_PTR(rc);
	list_add_tail(&fc->list, &fb->chans);
	return fc;
}

static int mpam_fb_add(struct mpam_fb *fb,
		       const struct acpi_mpam_msc_node *node)
{
	struct mpam_fb_msc *msc;
	struct dentry *dir;
	char name[12];

	msc = devm_kzalloc(fb->dev, sizeof(*msc), GFP_KERNEL);
	if (!msc)
		return -ENOMEM;
	msc->id = node->identifier;
	msc->chan = mpam_fb_chan(fb, node->base_address);
	if (IS_ERR(msc->chan))
		return PTR_ERR(msc->chan);

	snprintf(name, sizeof(name), "%u", msc->id);
	dir = debugfs_create_dir(name, fb->dir);
	debugfs_create_x32("offset", 0600, dir, &msc->offset);
	debugfs_create_file("value", 0600, dir, msc, &mpam_fb_value_fops);
	debugfs_create_file("version", 0400, dir, msc, &mpam_fb_version_fops);
	debugfs_create_file("repeat", 0200, dir, msc, &mpam_fb_repeat_fops);
	return 0;
}

/* The MSCs that can be driven; one that cannot takes nothing from the others. */
static void mpam_fb_add_all(struct mpam_fb *fb,
			    const struct acpi_table_header *mpam)
{
	const struct acpi_mpam_msc_node *node;
	u32 pos = sizeof(*mpam);
	int rc;

	while (pos + sizeof(*node) <= mpam->length) {
		node = (const void *)mpam + pos;
		if (node->length < sizeof(*node) ||
		    node->length > mpam->length - pos)
			return;
		pos += node->length;
		if (node->interface_type != MPAM_FB_INTERFACE_PCC)
			continue;
		rc = mpam_fb_add(fb, node);
		if (rc)
			dev_warn(fb->dev, "MSC %u is left out: %d\n",
				 node->identifier, rc);
	}
}

static int mpam_fb_probe(struct platform_device *pdev)
{
	struct acpi_table_header *mpam;
	struct mpam_fb *fb;

	fb = devm_kzalloc(&pdev->dev, sizeof(*fb), GFP_KERNEL);
	if (!fb)
		return -ENOMEM;
	fb->dev = &pdev->dev;
	INIT_LIST_HEAD(&fb->chans);

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_MPAM, 0, &mpam)))
		return dev_err_probe(fb->dev, -ENODEV, "there is no MPAM table\n");
	fb->dir = debugfs_create_dir("mpam-fb", NULL);
	mpam_fb_add_all(fb, mpam);
	acpi_put_table(mpam);
	platform_set_drvdata(pdev, fb);
	return 0;
}

static void mpam_fb_remove(struct platform_device *pdev)
{
	struct mpam_fb *fb = platform_get_drvdata(pdev);
	struct mpam_fb_chan *fc;

	/* That waits for those who have a file in use: no channel is, then. */
	debugfs_remove_recursive(fb->dir);
	list_for_each_entry(fc, &fb->chans, list) {
		pcc_mbox_free_channel(fc->chan);
		acpi_os_unmap_iomem(fc->shmem, fc->chan->shmem_size);
	}
}

static const struct acpi_device_id mpam_fb_acpi_ids[] = {
	{ "PCCD0003" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, mpam_fb_acpi_ids);

static struct platform_driver mpam_fb_driver = {
	.probe = mpam_fb_probe,
	.remove = mpam_fb_remove,
	.driver = {
		.name = "mpam-fb",
		.acpi_match_table = mpam_fb_acpi_ids,
	},
};
module_platform_driver(mpam_fb_driver);

MODULE_DESCRIPTION("MPAM-Fb client for tests, driven from debugfs");
MODULE_AUTHOR("The pccd authors");
MODULE_LICENSE("GPL");
