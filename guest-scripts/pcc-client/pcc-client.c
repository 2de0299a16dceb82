// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcc-client - a PCC mailbox client for tests: binds to ACPI device PCCD0001
 * and offers every subspace of the PCCT in debugfs, one folder a subspace id.
 *
 *   info      what the PCCT says
 *   control   write: bind [core-polls], unbind, ring, tick, client-tick
 *             read: bound or free, counters since the module was loaded
 *   memory    the shared memory, raw
 *   send      write: [wait=irq|poll|no] [timeout=MS] [notify=0|1] [tick=0|1]
 *                    COMMAND [DATA in hexadecimal]
 *             read, of the same open file: how it went, one line
 *   messages  what came unasked, one line each; reading takes it away
 *
 * It does what Linux's mailbox clients do and no more: nothing looks whether
 * the region is free, so that a test can find out what happens.
 * guest-scripts/README.md describes the interface.
 */

#include <linux/acpi.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hex.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mailbox_client.h>
#include <linux/mailbox_controller.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <acpi/acpi_io.h>
#include <acpi/pcc.h>

/* Types 0-2 (ACPI 6.5, 14.2): signature, command u16, status u16 */
#define PCC_GENERIC_HDR_LEN	8
#define PCC_GENERIC_COMMAND	4
#define PCC_GENERIC_STATUS	6
/* Types 3 and 4 (14.3): signature, flags, length, command, each u32 */
#define PCC_EXT_HDR_LEN		16
#define PCC_EXT_FLAGS		4
#define PCC_EXT_LENGTH		8
#define PCC_EXT_COMMAND		12

/* Messages kept for a reader; what comes after that is counted as dropped */
#define PCC_CLIENT_QUEUE_MAX	1024

/* Milliseconds that a command may take when nobody says how many */
#define PCC_CLIENT_TIMEOUT_MIN	1000
#define PCC_CLIENT_TIMEOUT_MAX	600000

/*
 * Whoever completes a transmission has to tell the mailbox core ("tick"). The
 * PCC controller's interrupt handler does since the change that also removed
 * PCC_ACK_FLAG_MASK; before, as in 6.12, each client does. Early 6.12 did not
 * have it yet, nor does its PCC core map the memory: Kbuild knows these by the
 * latter.
 */
#if defined(PCC_ACK_FLAG_MASK) || defined(PCC_CORE_MAPS_NOTHING)
#define PCC_CORE_TICKS		false
#else
#define PCC_CORE_TICKS		true
#endif

/**
 * struct pcc_client_chan - one subspace
 * @client:	our side of the mailbox channel
 * @chan:	the channel while bound, otherwise NULL
 * @lock:	one user at a time: of @chan, @shmem and the command under way
 * @shmem:	our own mapping, made when first used
 * @id:		subspace id, the index of the PCCT entry
 * @type:	PCCT subspace type
 * @gsi:	platform interrupt, 0: none
 * @gsi_flags:	and its flags
 * @base:	physical address of the shared memory
 * @size:	bytes of shared memory, header included
 * @latency:	nominal latency in microseconds
 * @max_rate:	commands a minute
 * @turnaround:	microseconds between commands
 * @complete_mask: bits of @complete that count
 * @error_mask:	bits of @error that count
 * @complete:	command complete check register, types 3 and 4
 * @error:	error status register, type 3
 * @queue_lock:	protects what follows, which the interrupt writes
 * @queue:	messages and notifications that came
 * @queued:	number of them
 * @done:	the interrupt says that the command is complete
 * @leaving:	those who want the channel unbound: no command waits any more
 * @done_at:	when that was
 * @interrupts:	callbacks from the mailbox controller
 * @ticks:	transmissions that the mailbox core called done
 * @notifications: platform notifications, types 1 and 2
 * @received:	messages, type 4
 * @dropped:	messages and notifications that found no room
 */
struct pcc_client_chan {
	struct mbox_client client;
	struct pcc_mbox_chan *chan;
	struct mutex lock; /* see above */
	void __iomem *shmem;

	u32 id;
	u8 type;
	u32 gsi;
	u8 gsi_flags;
	u64 base;
	u64 size;
	u32 latency;
	u32 max_rate;
	u32 turnaround;
	u64 complete_mask;
	u64 error_mask;
	struct acpi_generic_address complete;
	struct acpi_generic_address error;

	spinlock_t queue_lock; /* see above */
	struct list_head queue;
	unsigned int queued;
	struct completion done;
	atomic_t leaving;
	ktime_t done_at;
	unsigned int interrupts;
	unsigned int ticks;
	unsigned int notifications;
	unsigned int received;
	unsigned int dropped;
};

/**
 * struct pcc_client - the device
 * @dir:	its folder in debugfs
 * @count:	subspaces
 * @chans:	their array
 */
struct pcc_client {
	struct dentry *dir;
	unsigned int count;
	struct pcc_client_chan chans[] __counted_by(count);
};

/**
 * struct pcc_client_message - one that came
 * @list:	place in the queue
 * @notification: came with the status word of types 1 and 2
 * @flags:	of the header; of a notification, the status word
 * @length:	of the header, types 3 and 4
 * @command:	of the header
 * @bytes:	of @data
 * @data:	behind the header
 */
struct pcc_client_message {
	struct list_head list;
	bool notification;
	u32 flags;
	u32 length;
	u32 command;
	size_t bytes;
	u8 data[] __counted_by(bytes);
};

static bool pcc_client_is_ext(const struct pcc_client_chan *pc)
{
	return pc->type == ACPI_PCCT_TYPE_EXT_PCC_MASTER_SUBSPACE ||
	       pc->type == ACPI_PCCT_TYPE_EXT_PCC_SLAVE_SUBSPACE;
}

static size_t pcc_client_hdr_len(const struct pcc_client_chan *pc)
{
	return pcc_client_is_ext(pc) ? PCC_EXT_HDR_LEN : PCC_GENERIC_HDR_LEN;
}

/*
 * Bytes for a line with a whole region in hexadecimal, and for the region behind
 * it. Nothing need be allocated once a command is on its way.
 */
static size_t pcc_client_room(const struct pcc_client_chan *pc)
{
	return 3 * pc->size + 256;
}

/* Bytes behind the header that a header's length field speaks of. */
static size_t pcc_client_declared(const struct pcc_client_chan *pc, u32 length)
{
	if (length < sizeof(u32))
		return 0;
	return min_t(size_t, length - sizeof(u32), pc->size - PCC_EXT_HDR_LEN);
}

/* Types 0-2 know no length: up to the last byte that is not zero. */
static size_t pcc_client_trim(const u8 *data, size_t bytes)
{
	while (bytes && !data[bytes - 1])
		bytes--;
	return bytes;
}

/* Interrupt context: keeps what lies in the shared memory. */
static void pcc_client_keep(struct pcc_client_chan *pc, bool notification,
			    u32 flags)
{
	struct pcc_client_message *msg = NULL;
	size_t bytes = pc->size - pcc_client_hdr_len(pc);
	unsigned long irq;
	u32 length = 0;

	if (!notification) {
		length = ioread32(pc->shmem + PCC_EXT_LENGTH);
		bytes = pcc_client_declared(pc, length);
	}
	if (READ_ONCE(pc->queued) < PCC_CLIENT_QUEUE_MAX)
		msg = kmalloc(struct_size(msg, data, bytes), GFP_ATOMIC);
	if (msg) {
		msg->bytes = bytes;
		msg->notification = notification;
		msg->flags = flags;
		msg->length = length;
		msg->command = notification ?
			       ioread16(pc->shmem + PCC_GENERIC_COMMAND) :
			       ioread32(pc->shmem + PCC_EXT_COMMAND);
		memcpy_fromio(msg->data, pc->shmem + pcc_client_hdr_len(pc),
			      bytes);
		if (notification)
			msg->bytes = pcc_client_trim(msg->data, bytes);
	}

	spin_lock_irqsave(&pc->queue_lock, irq);
	if (notification)
		pc->notifications++;
	else
		pc->received++;
	if (msg) {
		list_add_tail(&msg->list, &pc->queue);
		pc->queued++;
	} else {
		pc->dropped++;
	}
	spin_unlock_irqrestore(&pc->queue_lock, irq);
}

/* Interrupt context. The PCC core acknowledges when we return. */
static void pcc_client_rx(struct mbox_client *client, void *unused)
{
	struct pcc_client_chan *pc =
		container_of(client, struct pcc_client_chan, client);
	unsigned long irq;
	u16 status;

	spin_lock_irqsave(&pc->queue_lock, irq);
	pc->interrupts++;
	spin_unlock_irqrestore(&pc->queue_lock, irq);
	if (!pc->shmem)
		return;

	if (pc->type == ACPI_PCCT_TYPE_EXT_PCC_SLAVE_SUBSPACE) {
		pcc_client_keep(pc, false, ioread32(pc->shmem + PCC_EXT_FLAGS));
		return;
	}

	/*
	 * Types 1 and 2: only the status word says what the interrupt means.
	 * ACPI 6.5, 14.5 wants it changed by interlocked accesses; Linux's
	 * clients do not, nor may they on device memory.
	 */
	if (!pcc_client_is_ext(pc)) {
		status = ioread16(pc->shmem + PCC_GENERIC_STATUS);
		if (status & PCC_STATUS_PLATFORM_NOTIFY)
			pcc_client_keep(pc, true, status);
		if (status & (PCC_STATUS_PLATFORM_NOTIFY |
			      PCC_STATUS_SCI_DOORBELL))
			iowrite16(status & ~(PCC_STATUS_PLATFORM_NOTIFY |
					     PCC_STATUS_SCI_DOORBELL),
				  pc->shmem + PCC_GENERIC_STATUS);
		if (!(status & (PCC_STATUS_CMD_COMPLETE | PCC_STATUS_ERROR)))
			return;
	}

	pc->done_at = ktime_get();
	complete(&pc->done);
}

static void pcc_client_tx_done(struct mbox_client *client, void *mssg, int rc)
{
	struct pcc_client_chan *pc =
		container_of(client, struct pcc_client_chan, client);
	unsigned long irq;

	spin_lock_irqsave(&pc->queue_lock, irq);
	pc->ticks++;
	spin_unlock_irqrestore(&pc->queue_lock, irq);
}

static int pcc_client_map(struct pcc_client_chan *pc)
{
	lockdep_assert_held(&pc->lock);

	if (pc->shmem)
		return 0;
	if (pc->size < pcc_client_hdr_len(pc))
		return -EINVAL;
	/* The attributes of the PCC core's own mapping */
	pc->shmem = acpi_os_map_iomem(pc->base, pc->size);
	return pc->shmem ? 0 : -ENXIO;
}

/*
 * As pcc_mbox_free_channel(), which in 7.3 unmaps the shared memory that its
 * interrupt handler reads before it frees the interrupt.
 */
static int pcc_client_unbind(struct pcc_client_chan *pc)
{
	struct pcc_mbox_chan *chan = pc->chan;

	if (!chan)
		return -ENXIO;
	mbox_free_channel(chan->mchan);
#ifndef PCC_CORE_MAPS_NOTHING
	if (chan->shmem) {
		iounmap(chan->shmem);
		chan->shmem = NULL;
	}
#endif
	pc->chan = NULL;
	return 0;
}

/* Whoever waits for the platform gives up, until pcc_client_left(). */
static void pcc_client_leave(struct pcc_client_chan *pc)
{
	atomic_inc(&pc->leaving);
	complete(&pc->done);
}

static void pcc_client_left(struct pcc_client_chan *pc)
{
	atomic_dec(&pc->leaving);
}

static int pcc_client_bind(struct pcc_client_chan *pc, bool core_polls)
{
	struct pcc_mbox_chan *chan;
	int rc;

	if (pc->chan)
		return -EALREADY;
	/* If that fails: the PCC core has the first word on such a region. */
	rc = pcc_client_map(pc);

	/* Without platform interrupts: we tell when a command is complete. */
	pc->client.knows_txdone = !core_polls;
	chan = pcc_mbox_request_channel(&pc->client, pc->id);
	if (IS_ERR(chan))
		return PTR_ERR(chan);
	pc->chan = chan;
	if (rc)
		pcc_client_unbind(pc);
	return rc;
}

/* --- one command -------------------------------------------------------- */

enum pcc_client_wait { PCC_WAIT_NO, PCC_WAIT_IRQ, PCC_WAIT_POLL };

/**
 * struct pcc_client_command - what is asked for
 * @wait:	how to learn that it is complete
 * @timeout:	milliseconds until that has to be
 * @notify:	ask the platform for an interrupt
 * @tick:	tell the mailbox core when it is complete, if that is ours to do
 * @code:	the command field
 * @bytes:	of @data
 * @data:	behind the header
 */
struct pcc_client_command {
	enum pcc_client_wait wait;
	unsigned int timeout;
	bool notify;
	bool tick;
	u32 code;
	size_t bytes;
	u8 *data;
};

static void pcc_client_write(struct pcc_client_chan *pc,
			     const struct pcc_client_command *cmd)
{
	size_t hdr = pcc_client_hdr_len(pc);

	iowrite32(PCC_SIGNATURE | pc->id, pc->shmem);
	memcpy_toio(pc->shmem + hdr, cmd->data, cmd->bytes);
	if (pcc_client_is_ext(pc)) {
		iowrite32(cmd->notify ? PCC_CMD_COMPLETION_NOTIFY : 0,
			  pc->shmem + PCC_EXT_FLAGS);
		iowrite32(sizeof(u32) + cmd->bytes, pc->shmem + PCC_EXT_LENGTH);
		iowrite32(cmd->code, pc->shmem + PCC_EXT_COMMAND);
		return; /* mbox_send_message() clears "complete" */
	}
	/* There is no length: nothing of the last answer may stay. */
	memset_io(pc->shmem + hdr + cmd->bytes, 0, pc->size - hdr - cmd->bytes);
	iowrite16(cmd->code | (cmd->notify ? PCC_CMD_GENERATE_DB_INTR : 0),
		  pc->shmem + PCC_GENERIC_COMMAND);
	iowrite16(0, pc->shmem + PCC_GENERIC_STATUS);
}

/**
 * struct pcc_client_state - what the platform says of a command
 * @complete:	it is done
 * @error:	and it failed
 * @word:	where that is from: the status word, or the error register
 */
struct pcc_client_state {
	bool complete;
	bool error;
	u64 word;
};

static struct pcc_client_state pcc_client_state(struct pcc_client_chan *pc)
{
	struct pcc_client_state state = { };
	u64 complete = 0;

	if (!pcc_client_is_ext(pc)) {
		state.word = ioread16(pc->shmem + PCC_GENERIC_STATUS);
		state.error = state.word & PCC_STATUS_ERROR;
		state.complete = state.error ||
				 state.word & PCC_STATUS_CMD_COMPLETE;
		return state;
	}
	if (ACPI_SUCCESS(acpi_read(&complete, &pc->complete)))
		state.complete = complete & pc->complete_mask;
	if (ACPI_SUCCESS(acpi_read(&state.word, &pc->error)))
		state.error = state.word & pc->error_mask;
	return state;
}

static bool pcc_client_poll(struct pcc_client_chan *pc, ktime_t end)
{
	for (;;) {
		bool over = ktime_after(ktime_get(), end);

		if (pcc_client_state(pc).complete) {
			pc->done_at = ktime_get();
			return true;
		}
		if (over || fatal_signal_pending(current) ||
		    atomic_read(&pc->leaving))
			return false;
		usleep_range(20, 50);
	}
}

/*
 * Tells the mailbox core that the message is done, where that is not the
 * work of somebody else; where it is, waits until that was done.
 */
static void pcc_client_tick(struct pcc_client_chan *pc,
			    const struct pcc_client_command *cmd,
			    unsigned int before)
{
	struct mbox_chan *mchan = pc->chan->mchan;
	unsigned int ticks;

	/* The interrupt handler tells it, after our callback. */
	if (mchan->mbox->txdone_irq && cmd->wait == PCC_WAIT_IRQ &&
	    PCC_CORE_TICKS)
		read_poll_timeout(READ_ONCE, ticks, ticks != before, 20,
				  USEC_PER_SEC, false, pc->ticks);
	else if (!cmd->tick)
		return;
	else if (mchan->mbox->txdone_irq)
		mbox_chan_txdone(mchan, 0);
	else if (!mchan->mbox->txdone_poll || pc->client.knows_txdone)
		mbox_client_txdone(mchan, 0);
}

/* What the platform answered */
static size_t pcc_client_reply(struct pcc_client_chan *pc, u8 *data)
{
	size_t hdr = pcc_client_hdr_len(pc);
	size_t bytes = pc->size - hdr;

	if (pcc_client_is_ext(pc))
		bytes = pcc_client_declared(pc, ioread32(pc->shmem +
							 PCC_EXT_LENGTH));
	memcpy_fromio(data, pc->shmem + hdr, bytes);
	return pcc_client_is_ext(pc) ? bytes : pcc_client_trim(data, bytes);
}

/* Sends @cmd and writes into @line how it went. */
static ssize_t pcc_client_run(struct pcc_client_chan *pc,
			      const struct pcc_client_command *cmd,
			      char *line, size_t room)
{
	unsigned int interrupts = pc->interrupts, ticks = pc->ticks;
	unsigned int notifications = pc->notifications;
	unsigned long wait = msecs_to_jiffies(cmd->timeout);
	struct pcc_client_state state = { };
	const char *result = "sent";
	bool came = false;
	ktime_t start;
	ssize_t len;
	int rc;

	/* In this order: pcc_client_leave() counts first, and completes then. */
	reinit_completion(&pc->done);
	if (atomic_read(&pc->leaving))
		return -ECANCELED;
	pcc_client_write(pc, cmd);
	start = ktime_get();
	rc = mbox_send_message(pc->chan->mchan, pc);
	if (rc < 0)
		return scnprintf(line, room, "result=refused errno=%d\n", -rc);

	if (cmd->wait == PCC_WAIT_IRQ)
		came = wait_for_completion_killable_timeout(&pc->done, wait) > 0;
	else if (cmd->wait == PCC_WAIT_POLL)
		came = pcc_client_poll(pc, ktime_add_ms(start, cmd->timeout));
	if (atomic_read(&pc->leaving))
		return -ECANCELED;
	if (cmd->wait != PCC_WAIT_NO) {
		state = pcc_client_state(pc);
		result = !came ? "timeout" : state.error ? "error" : "ok";
	}

	len = scnprintf(line, room, "result=%s", result);
	if (came) {
		/* Types 3: for a client that polls; ACPI 6.5, 14.5.2 */
		if (state.error && pcc_client_is_ext(pc))
			acpi_write(state.word & ~pc->error_mask, &pc->error);
		pcc_client_tick(pc, cmd, ticks);
		len += scnprintf(line + len, room - len, " us=%lld",
				 ktime_us_delta(pc->done_at, start));
	}
	if (cmd->wait != PCC_WAIT_NO)
		len += scnprintf(line + len, room - len,
				 " complete=%d status=%#llx interrupts=%u notifications=%u ticks=%u",
				 state.complete, state.word,
				 pc->interrupts - interrupts,
				 pc->notifications - notifications,
				 pc->ticks - ticks);
	if (came) {
		u8 *reply = line + room - pc->size;
		size_t bytes = pcc_client_reply(pc, reply);

		len += scnprintf(line + len, room - len, " data=");
		len = bin2hex(line + len, reply, bytes) - line;
	}
	len += scnprintf(line + len, room - len, "\n");
	return len;
}

/* Reads "wait=irq timeout=100 0x11 0a0b"; @text is changed. */
static int pcc_client_parse(struct pcc_client_chan *pc, char *text,
			    struct pcc_client_command *cmd)
{
	bool irqs = pc->chan->mchan->mbox->txdone_irq && pc->gsi;
	bool notify_given = false, code_given = false;
	char *word;
	int rc;

	*cmd = (struct pcc_client_command) {
		.wait = irqs ? PCC_WAIT_IRQ : PCC_WAIT_POLL,
		/*
		 * What Linux's clients wait, 500 times the nominal latency; but
		 * a table that gives none does not mean "at once".
		 */
		.timeout = clamp_t(u64, (u64)pc->latency / 2,
				   PCC_CLIENT_TIMEOUT_MIN,
				   PCC_CLIENT_TIMEOUT_MAX),
		.tick = true,
		.data = text, /* decoded in place: never longer than its hex */
	};

	while ((word = strsep(&text, " \t\n"))) {
		size_t len = strlen(word);

		if (!len)
			continue;
		rc = 0;
		if (code_given) {
			if (len % 2 ||
			    cmd->bytes + len / 2 >
			    pc->size - pcc_client_hdr_len(pc))
				return -EINVAL;
			rc = hex2bin(cmd->data + cmd->bytes, word, len / 2);
			cmd->bytes += len / 2;
		} else if (!strcmp(word, "wait=irq")) {
			cmd->wait = PCC_WAIT_IRQ;
		} else if (!strcmp(word, "wait=poll")) {
			cmd->wait = PCC_WAIT_POLL;
		} else if (!strcmp(word, "wait=no")) {
			cmd->wait = PCC_WAIT_NO;
		} else if (str_has_prefix(word, "timeout=")) {
			rc = kstrtouint(word + 8, 10, &cmd->timeout);
		} else if (str_has_prefix(word, "notify=")) {
			rc = kstrtobool(word + 7, &cmd->notify);
			notify_given = true;
		} else if (str_has_prefix(word, "tick=")) {
			rc = kstrtobool(word + 5, &cmd->tick);
		} else {
			rc = kstrtou32(word, 0, &cmd->code);
			code_given = true;
		}
		if (rc)
			return rc;
	}
	if (!notify_given)
		cmd->notify = irqs && cmd->wait == PCC_WAIT_IRQ;
	return code_given ? 0 : -EINVAL;
}

/**
 * struct pcc_client_file - one open file "send" or "messages"
 * @pc:		the subspace
 * @lock:	one user at a time, of what follows; taken before that of @pc
 * @line:	what to read from it; pcc_client_room() bytes, made when first used
 * @left:	bytes of that
 * @at:		what comes next
 */
struct pcc_client_file {
	struct pcc_client_chan *pc;
	struct mutex lock; /* see above */
	char *line;
	size_t left;
	size_t at;
};

static int pcc_client_line_open(struct inode *inode, struct file *file)
{
	struct pcc_client_file *pf = kzalloc(sizeof(*pf), GFP_KERNEL);

	if (!pf)
		return -ENOMEM;
	pf->pc = inode->i_private;
	mutex_init(&pf->lock);
	file->private_data = pf;
	return stream_open(inode, file);
}

static int pcc_client_line_release(struct inode *inode, struct file *file)
{
	struct pcc_client_file *pf = file->private_data;

	kvfree(pf->line);
	kfree(pf);
	return 0;
}

/* Before anything is sent or taken that would be lost without it */
static int pcc_client_line_alloc(struct pcc_client_file *pf)
{
	if (!pf->line)
		pf->line = kvmalloc(pcc_client_room(pf->pc),
				    GFP_KERNEL | __GFP_NOWARN);
	return pf->line ? 0 : -ENOMEM;
}

static ssize_t pcc_client_send_write(struct file *file, const char __user *buf,
				     size_t count, loff_t *pos)
{
	struct pcc_client_file *pf = file->private_data;
	struct pcc_client_chan *pc = pf->pc;
	struct pcc_client_command cmd;
	char *text;
	ssize_t rc;

	if (pc->type > ACPI_PCCT_TYPE_EXT_PCC_MASTER_SUBSPACE)
		return -EOPNOTSUPP;
	if (count > 2 * pc->size + 256)
		return -E2BIG;
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);

	rc = mutex_lock_killable(&pf->lock);
	if (rc)
		goto out_free;
	pf->left = 0;
	pf->at = 0;
	rc = pcc_client_line_alloc(pf);
	if (rc)
		goto out_unlock_file;
	rc = mutex_lock_killable(&pc->lock);
	if (rc)
		goto out_unlock_file;
	rc = -ENXIO;
	if (!pc->chan)
		goto out_unlock;
	rc = pcc_client_parse(pc, text, &cmd);
	if (rc)
		goto out_unlock;
	rc = pcc_client_run(pc, &cmd, pf->line, pcc_client_room(pc));
	if (rc < 0)
		goto out_unlock;
	pf->left = rc;
	rc = count;
out_unlock:
	mutex_unlock(&pc->lock);
out_unlock_file:
	mutex_unlock(&pf->lock);
out_free:
	kfree(text);
	return rc;
}

static ssize_t pcc_client_line_copy(struct pcc_client_file *pf,
				    char __user *buf, size_t count)
{
	lockdep_assert_held(&pf->lock);

	count = min(count, pf->left);
	if (copy_to_user(buf, pf->line + pf->at, count))
		return -EFAULT;
	pf->at += count;
	pf->left -= count;
	return count;
}

static ssize_t pcc_client_send_read(struct file *file, char __user *buf,
				    size_t count, loff_t *pos)
{
	struct pcc_client_file *pf = file->private_data;
	ssize_t rc;

	rc = mutex_lock_killable(&pf->lock);
	if (rc)
		return rc;
	rc = pcc_client_line_copy(pf, buf, count);
	mutex_unlock(&pf->lock);
	return rc;
}

static const struct file_operations pcc_client_send_fops = {
	.owner = THIS_MODULE,
	.open = pcc_client_line_open,
	.release = pcc_client_line_release,
	.write = pcc_client_send_write,
	.read = pcc_client_send_read,
};

/* --- the other files ---------------------------------------------------- */

static int pcc_client_info_show(struct seq_file *seq, void *unused)
{
	struct pcc_client_chan *pc = seq->private;

	seq_printf(seq, "type=%u base=%#llx size=%llu gsi=%u gsi-flags=%u ",
		   pc->type, pc->base, pc->size, pc->gsi, pc->gsi_flags);
	seq_printf(seq, "latency-us=%u max-rate=%u turnaround-us=%u\n",
		   pc->latency, pc->max_rate, pc->turnaround);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pcc_client_info);

static int pcc_client_control_show(struct seq_file *seq, void *unused)
{
	struct pcc_client_chan *pc = seq->private;
	unsigned long irq;

	seq_puts(seq, READ_ONCE(pc->chan) ? "bound" : "free");
	spin_lock_irqsave(&pc->queue_lock, irq);
	seq_printf(seq, " interrupts=%u ticks=%u notifications=%u messages=%u dropped=%u\n",
		   pc->interrupts, pc->ticks, pc->notifications, pc->received,
		   pc->dropped);
	spin_unlock_irqrestore(&pc->queue_lock, irq);
	return 0;
}

static int pcc_client_control_open(struct inode *inode, struct file *file)
{
	return single_open(file, pcc_client_control_show, inode->i_private);
}

static int pcc_client_control(struct pcc_client_chan *pc, const char *word)
{
	if (!strcmp(word, "bind"))
		return pcc_client_bind(pc, false);
	if (!strcmp(word, "bind core-polls"))
		return pcc_client_bind(pc, true);
	if (!pc->chan)
		return -ENXIO;
	if (!strcmp(word, "unbind"))
		return pcc_client_unbind(pc);
	/* The doorbell alone, with what the memory holds */
	if (!strcmp(word, "ring"))
		return min(mbox_send_message(pc->chan->mchan, pc), 0);
	if (!strcmp(word, "tick")) {
		mbox_chan_txdone(pc->chan->mchan, 0);
		return 0;
	}
	if (!strcmp(word, "client-tick")) {
		mbox_client_txdone(pc->chan->mchan, 0);
		return 0;
	}
	return -EINVAL;
}

static ssize_t pcc_client_control_write(struct file *file,
					const char __user *buf, size_t count,
					loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	struct pcc_client_chan *pc = seq->private;
	char text[24], *word;
	bool unbind;
	int rc;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = '\0';
	word = strim(text);

	unbind = !strcmp(word, "unbind");
	if (unbind)
		pcc_client_leave(pc);
	rc = mutex_lock_killable(&pc->lock);
	if (!rc) {
		rc = pcc_client_control(pc, word);
		mutex_unlock(&pc->lock);
	}
	if (unbind)
		pcc_client_left(pc);
	return rc ?: count;
}

static const struct file_operations pcc_client_control_fops = {
	.owner = THIS_MODULE,
	.open = pcc_client_control_open,
	.release = single_release,
	.read = seq_read,
	.llseek = seq_lseek,
	.write = pcc_client_control_write,
};

static ssize_t pcc_client_memory(struct pcc_client_chan *pc, char __user *to,
				 const char __user *from, size_t count,
				 loff_t *pos)
{
	ssize_t rc;
	u8 *copy;

	if (*pos >= pc->size)
		return to ? 0 : -ENOSPC;
	count = min_t(u64, count, pc->size - *pos);
	copy = from ? vmemdup_user(from, count) : kvmalloc(count, GFP_KERNEL);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	if (!copy)
		return -ENOMEM;

	rc = mutex_lock_killable(&pc->lock);
	if (rc)
		goto out_free;
	rc = pcc_client_map(pc);
	if (!rc && from)
		memcpy_toio(pc->shmem + *pos, copy, count);
	else if (!rc)
		memcpy_fromio(copy, pc->shmem + *pos, count);
	mutex_unlock(&pc->lock);
	if (!rc && to && copy_to_user(to, copy, count))
		rc = -EFAULT;
out_free:
	kvfree(copy);
	if (rc)
		return rc;
	*pos += count;
	return count;
}

static ssize_t pcc_client_memory_read(struct file *file, char __user *buf,
				      size_t count, loff_t *pos)
{
	return pcc_client_memory(file->private_data, buf, NULL, count, pos);
}

static ssize_t pcc_client_memory_write(struct file *file,
				       const char __user *buf, size_t count,
				       loff_t *pos)
{
	return pcc_client_memory(file->private_data, NULL, buf, count, pos);
}

static const struct file_operations pcc_client_memory_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = pcc_client_memory_read,
	.write = pcc_client_memory_write,
	.llseek = default_llseek,
};

static struct pcc_client_message *
pcc_client_take(struct pcc_client_chan *pc)
{
	struct pcc_client_message *msg;
	unsigned long irq;

	spin_lock_irqsave(&pc->queue_lock, irq);
	msg = list_first_entry_or_null(&pc->queue, struct pcc_client_message,
				       list);
	if (msg) {
		list_del(&msg->list);
		pc->queued--;
	}
	spin_unlock_irqrestore(&pc->queue_lock, irq);
	return msg;
}

/* Makes a line of the next message, if there is one. */
static int pcc_client_next_message(struct pcc_client_file *pf)
{
	size_t room = pcc_client_room(pf->pc);
	struct pcc_client_message *msg;
	size_t len;
	int rc;

	rc = pcc_client_line_alloc(pf);
	if (rc)
		return rc;
	msg = pcc_client_take(pf->pc);
	if (!msg)
		return 0;
	if (msg->notification)
		len = scnprintf(pf->line, room,
				"notification status=%#x command=%#x data=",
				msg->flags, msg->command);
	else
		len = scnprintf(pf->line, room,
				"message flags=%#x length=%u command=%#x data=",
				msg->flags, msg->length, msg->command);
	len = bin2hex(pf->line + len, msg->data, msg->bytes) - pf->line;
	pf->line[len++] = '\n';
	pf->left = len;
	pf->at = 0;
	kfree(msg);
	return 0;
}

/* One line for each message that waits; end of file when there is none. */
static ssize_t pcc_client_messages_read(struct file *file, char __user *buf,
					size_t count, loff_t *pos)
{
	struct pcc_client_file *pf = file->private_data;
	ssize_t rc;

	rc = mutex_lock_killable(&pf->lock);
	if (rc)
		return rc;
	if (!pf->left)
		rc = pcc_client_next_message(pf);
	if (!rc)
		rc = pcc_client_line_copy(pf, buf, count);
	mutex_unlock(&pf->lock);
	return rc;
}

static const struct file_operations pcc_client_messages_fops = {
	.owner = THIS_MODULE,
	.open = pcc_client_line_open,
	.release = pcc_client_line_release,
	.read = pcc_client_messages_read,
};

/* --- the device --------------------------------------------------------- */

/* What the PCC core does not tell, and what it tells only when bound */
static int pcc_client_read_entry(struct pcc_client_chan *pc,
				 const struct acpi_subtable_header *entry)
{
	const struct acpi_pcct_ext_pcc_master *ext = (const void *)entry;
	const struct acpi_pcct_hw_reduced_type2 *hw = (const void *)entry;
	size_t need;

	pc->type = entry->type;
	switch (entry->type) {
	case ACPI_PCCT_TYPE_EXT_PCC_MASTER_SUBSPACE:
	case ACPI_PCCT_TYPE_EXT_PCC_SLAVE_SUBSPACE:
		need = sizeof(*ext);
		break;
	case ACPI_PCCT_TYPE_HW_REG_COMM_SUBSPACE:
		return 0; /* Linux has nothing for these. */
	default:
		/* One layout up to the acknowledge register of type 2 */
		need = offsetof(struct acpi_pcct_hw_reduced_type2,
				platform_ack_register);
		break;
	}
	if (entry->length < need)
		return -EINVAL;

	if (!pcc_client_is_ext(pc)) {
		if (entry->type != ACPI_PCCT_TYPE_GENERIC_SUBSPACE) {
			pc->gsi = hw->platform_interrupt;
			pc->gsi_flags = hw->flags;
		}
		pc->base = hw->base_address;
		pc->size = hw->length;
		pc->latency = hw->latency;
		pc->max_rate = hw->max_access_rate;
		pc->turnaround = hw->min_turnaround_time;
		return 0;
	}
	pc->gsi = ext->platform_interrupt;
	pc->gsi_flags = ext->flags;
	pc->base = ext->base_address;
	pc->size = ext->length;
	pc->latency = ext->latency;
	pc->max_rate = ext->max_access_rate;
	pc->turnaround = ext->min_turnaround_time;
	pc->complete = ext->cmd_complete_register;
	pc->complete_mask = ext->cmd_complete_mask;
	pc->error = ext->error_status_register;
	pc->error_mask = ext->error_status_mask;
	return 0;
}

/* The entry at *@pos, which moves on; NULL at the end of the table. */
static const struct acpi_subtable_header *
pcc_client_entry(const struct acpi_table_header *pcct, u32 *pos)
{
	const struct acpi_subtable_header *entry = (const void *)pcct + *pos;

	if (*pos + sizeof(*entry) > pcct->length ||
	    entry->length < sizeof(*entry) ||
	    entry->length > pcct->length - *pos)
		return NULL;
	*pos += entry->length;
	return entry;
}

static struct pcc_client *
pcc_client_read_pcct(struct device *dev, const struct acpi_table_header *pcct)
{
	const struct acpi_subtable_header *entry;
	u32 pos = sizeof(struct acpi_table_pcct);
	struct pcc_client *client;
	unsigned int count = 0;

	while (pcc_client_entry(pcct, &pos))
		count++;
	client = devm_kzalloc(dev, struct_size(client, chans, count),
			      GFP_KERNEL);
	if (!client)
		return ERR_PTR(-ENOMEM);
	client->count = count;

	pos = sizeof(struct acpi_table_pcct);
	for (unsigned int i = 0; i < count; i++) {
		struct pcc_client_chan *pc = &client->chans[i];

		entry = pcc_client_entry(pcct, &pos);
		pc->id = i;
		pc->client.dev = dev;
		pc->client.rx_callback = pcc_client_rx;
		pc->client.tx_done = pcc_client_tx_done;
		mutex_init(&pc->lock);
		spin_lock_init(&pc->queue_lock);
		INIT_LIST_HEAD(&pc->queue);
		init_completion(&pc->done);
		if (pcc_client_read_entry(pc, entry))
			return dev_err_ptr_probe(dev, -EINVAL,
						 "PCC subspace %u: entry of %u bytes is too short\n",
						 i, entry->length);
	}
	return client;
}

static int pcc_client_probe(struct platform_device *pdev)
{
	struct acpi_table_header *pcct;
	struct pcc_client *client;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_PCCT, 0, &pcct)))
		return dev_err_probe(&pdev->dev, -ENODEV, "there is no PCCT\n");
	client = pcc_client_read_pcct(&pdev->dev, pcct);
	acpi_put_table(pcct);
	if (IS_ERR(client))
		return PTR_ERR(client);

	client->dir = debugfs_create_dir("pcc-client", NULL);
	if (IS_ERR(client->dir))
		return dev_err_probe(&pdev->dev, PTR_ERR(client->dir),
				     "cannot make the folder in debugfs\n");
	for (unsigned int i = 0; i < client->count; i++) {
		struct pcc_client_chan *pc = &client->chans[i];
		struct dentry *dir;
		char name[12];

		snprintf(name, sizeof(name), "%u", i);
		dir = debugfs_create_dir(name, client->dir);
		debugfs_create_file("info", 0400, dir, pc,
				    &pcc_client_info_fops);
		debugfs_create_file("control", 0600, dir, pc,
				    &pcc_client_control_fops);
		debugfs_create_file("memory", 0600, dir, pc,
				    &pcc_client_memory_fops);
		debugfs_create_file("send", 0600, dir, pc,
				    &pcc_client_send_fops);
		debugfs_create_file("messages", 0400, dir, pc,
				    &pcc_client_messages_fops);
	}
	platform_set_drvdata(pdev, client);
	dev_info(&pdev->dev, "%u PCC subspaces\n", client->count);
	return 0;
}

static void pcc_client_remove(struct platform_device *pdev)
{
	struct pcc_client *client = platform_get_drvdata(pdev);

	/* That waits for those who have a file in use. */
	for (unsigned int i = 0; i < client->count; i++)
		pcc_client_leave(&client->chans[i]);
	debugfs_remove_recursive(client->dir);
	for (unsigned int i = 0; i < client->count; i++) {
		struct pcc_client_chan *pc = &client->chans[i];
		struct pcc_client_message *msg;

		pcc_client_unbind(pc);
		while ((msg = pcc_client_take(pc)))
			kfree(msg);
		if (pc->shmem)
			acpi_os_unmap_iomem(pc->shmem, pc->size);
	}
}

static const struct acpi_device_id pcc_client_acpi_ids[] = {
	{ "PCCD0001" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, pcc_client_acpi_ids);

static struct platform_driver pcc_client_driver = {
	.probe = pcc_client_probe,
	.remove = pcc_client_remove,
	.driver = {
		.name = "pcc-client",
		.acpi_match_table = pcc_client_acpi_ids,
	},
};
module_platform_driver(pcc_client_driver);

MODULE_DESCRIPTION("PCC mailbox client for tests, driven from debugfs");
MODULE_AUTHOR("The pccd authors");
MODULE_LICENSE("GPL");
